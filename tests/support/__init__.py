"""What tests of several folders share: real parts started for the session."""

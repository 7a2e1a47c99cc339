"""Profiles made anew, and compared."""

"""The core's laws, worked examples and planted worlds."""

"""Established models that are trained and left, ranked on the events that `evaluate` ranks."""

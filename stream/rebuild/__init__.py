"""Profiles made anew from the events topic: in place of the live ones, or to compare them with.

From outside: `Rebuild` makes and switches, `certificate` compares.
"""

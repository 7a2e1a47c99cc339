"""Offline evaluation: the worker's pure functions on a data set, each event ranked before learned.

`interestream evaluate` is its face; everything public in its modules may be used outside.
"""

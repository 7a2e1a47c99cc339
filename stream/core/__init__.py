"""The pure heart: decay, profiles, folding, the catalogue, ranking, segments. No I/O, no clock.

Imports nothing of the project but itself; everything public in its modules may be used outside.
"""

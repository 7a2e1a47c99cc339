"""Changing the encoder of a running deployment: copy, report, switch, and the way back.

From outside: `Mover` copies, `Switch` switches, `Leaving` makes a worker leave in time.
"""

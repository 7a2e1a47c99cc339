"""Snapshots of a running deployment, and the way back to one: store, facts and group offsets.

From outside: `save.snapshot`, `plan.examine`, `restore.restore`.
"""

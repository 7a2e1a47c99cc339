"""`interestream demo`: the main job on real input, seen from outside, on an embedded stack.

Only `stream.cli` imports this package.
"""

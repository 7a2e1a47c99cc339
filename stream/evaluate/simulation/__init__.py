"""A planted world: items, people with known tastes, and what they do, drawn from one seed.

From outside only what `stream.evaluate.simulate` passes on is used.
"""

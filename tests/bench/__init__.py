"""Programs that measure: `python -m tests.bench.encoder` and `python -m tests.bench.quality`.

Their results are committed in `results/`; docs/encoder.md shows them.
"""

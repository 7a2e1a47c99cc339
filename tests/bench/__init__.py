"""Programs that measure: `python -m tests.bench.encoder`, `.models` and `.quality`.

Their results are committed in `results/`; docs/encoder.md and docs/quality.md show them.
"""

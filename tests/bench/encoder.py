"""The encoder against others on this machine: python -m tests.bench.encoder --out DIR

Writes encoder.json (every raw figure, medians, ratios) and encoder.png into DIR, and the tables of
docs/encoder.md where DIR is the folder that is committed. `make bench-encoder` runs it.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from tests.bench import folders, machine

MODULE = "tests.bench.encoder"


def main() -> int:
    """Exit code: 0 measured, 3 others use the machine, 1 something was missing."""
    asked = _arguments()
    machine.clean_environment(MODULE)
    from stream.errors import InterestreamError  # after the environment is settled: numpy's BLAS

    try:
        return _measure(asked)
    except InterestreamError as error:
        sys.stderr.write(f"{MODULE}: {error}\n")
        return 1


def _measure(asked: argparse.Namespace) -> int:
    import uvloop  # as the worker does

    from tests.bench import docs
    from tests.bench.plot import plot
    from tests.bench.ratios import ratios
    from tests.bench.suite import FULL, QUICK, Suite, progress

    models = folders.models(asked.model)
    others = machine.busy_share()
    if others > machine.BUSY_SHARE:
        sys.stderr.write(
            f"others use {others:.0%} of the cores, at most {machine.BUSY_SHARE:.0%}: figures "
            "would not mean much; wait, or say --busy\n"
        )
        if not (asked.busy or asked.quick):
            return 3
    facts = machine.facts(MODULE)
    suite = Suite(models, QUICK if asked.quick else FULL, len(os.sched_getaffinity(0)), progress())
    found = uvloop.run(suite.run())
    result = {**facts, "quick": asked.quick, "busy_share": round(others, 3)}
    result |= {"load_average_after": [round(load, 2) for load in os.getloadavg()]}
    result |= {"ratios": ratios(found), **found}
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / "encoder.json").write_text(json.dumps(result, indent=1) + "\n")
    plot(result, asked.out / "encoder.png")
    if asked.out.resolve() == docs.RESULTS:
        docs.write()
    for name, one in result["ratios"].items():
        verdict = "reached" if one["reached"] else "missed"
        sys.stdout.write(
            f"{name}: {one['value']} ({one['of']}), target {one['target']}: {verdict}\n"
        )
    return 0


def _arguments() -> argparse.Namespace:
    parser = folders.arguments(MODULE, __doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    parser.add_argument("--quick", action="store_true", help="few texts: to see that it runs")
    parser.add_argument("--busy", action="store_true", help="measure though others use the cores")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

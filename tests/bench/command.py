"""What benchmarks of the recommendations share as commands: options, the result's file and page."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from stream.errors import InterestreamError
from tests.bench import docs


def arguments(
    parser: argparse.ArgumentParser, given: Sequence[str] | None = None
) -> argparse.Namespace:
    """What was asked; every such benchmark takes `--out` and `--quick`."""
    parser.add_argument("--out", type=Path, default=docs.RESULTS, help="folder for the result")
    parser.add_argument("--quick", action="store_true", help="the first events only")
    return parser.parse_args(given)


def run(
    module: str,
    asked: argparse.Namespace,
    name: str,
    measured: Callable[[], dict[str, Any]],
    part: Callable[[dict[str, Any]], Sequence[str]],
) -> int:
    """Measure, write NAME.json into `--out`, and print its part of the documentation.

    The pages are brought up to date where the folder is the committed one.

    Exit code: 0 measured, 1 something was missing.
    """
    try:
        with threadpool_limits(1, user_api="blas"):  # as the worker does
            result = measured()
    except InterestreamError as error:
        sys.stderr.write(f"{module}: {error}\n")
        return 1
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n")
    if asked.out.resolve() == docs.RESULTS:
        docs.write()
    sys.stdout.write("\n".join(part(result)) + "\n")
    return 0

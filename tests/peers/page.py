"""The tables of peers.json for the documentation; no torch, no library of a peer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

HEAD = (
    *("method", "HR@10", "NDCG@10", "95 % interval", "list minus it", "95 % interval"),
    *("score minus it", "95 % interval", "trained"),
)
OURS, SCORE = "interestream", "interestream (score)"


def lines(result: Mapping[str, Any]) -> list[str]:
    """A table for each protocol: figures, both of ours minus each other one, seconds of training.

    A difference whose interval has both signs is in brackets.
    """
    found: list[str] = []
    for name, run in result["protocols"].items():
        found += [
            f"**{name}**: {run['events']:,} events of {run['users']:,} users ranked; peers trained "
            f"on the {run['trained_on']:,} uses of {run['trained_on_users']:,} users before event "
            f"{run['trained_before']:,}, refitted ones again every "
            f"{result['settings']['refit_every']:,} events",
            "",
            *_table(_row(method, run) for method in run["methods"]),
            "",
        ]
    return found[:-1]


def _row(method: str, run: Mapping[str, Any]) -> tuple[str, ...]:
    one = run["methods"][method]
    return (
        method,
        f"{one['hr@10']:.4f}",
        f"{one['ndcg@10']:.4f}",
        "{:.4f} to {:.4f}".format(*one["ndcg@10_interval"]),
        *_difference(run["paired"][OURS].get(method)),
        *_difference(run["paired"][SCORE].get(method)),
        _trained(method, run["training"]),
    )


def _difference(pair: Mapping[str, Any] | None) -> tuple[str, str]:
    if pair is None:
        return "", ""
    far = pair["ndcg@10"]
    value = _signed(far["difference"])
    return value if far["sure"] else f"({value})", " to ".join(map(_signed, far["interval"]))


def _trained(method: str, training: Mapping[str, Any]) -> str:
    name = method.removesuffix(" (refitted)")
    if name not in training:
        return ""
    seconds = list(training[name]["seconds"].values())
    if name == method:
        return f"{seconds[0]:.0f} s"
    return f"{sum(seconds):.0f} s, {len(seconds)} times"


def _signed(value: float) -> str:
    return f"{value:+.4f}".replace("-", "−")


def _table(rows: Iterable[Sequence[str]]) -> list[str]:
    return ["| " + " | ".join(row) + " |" for row in (HEAD, ["---"] * len(HEAD), *rows)]

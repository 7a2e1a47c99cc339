"""The table of soak.json for the documentation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from stream.web.metrics import LATENCY_BUCKETS

SIZES = {"rss_mib": "worker's resident memory", "store_rss_mib": "store's resident memory"}
COUNTS = {
    "connections": "worker's open connections",
    "files": "worker's open files, connections included",
    "threads": "worker's threads",
    "tasks": "worker's asyncio tasks",
    "lag": "records behind",
}
STACKS = {
    "embedded": "the embedded broker and store",
    "kafka": "Apache Kafka and a Qdrant server",
}


def part(result: Mapping[str, Any]) -> list[str]:
    """What was held for how long, and what grew after the warm-up."""
    return [_about(result), "", *_table(result)]


def _about(result: Mapping[str, Any]) -> str:
    share = ""
    if result["highest_per_s"]:
        highest = result["highest_per_s"]
        share = f", {result['rate_per_s'] / highest:.0%} of {highest:,.0f}".replace("%", " %")
    latency = result["latency_ms"]
    settings = ", ".join(f"`{name}` {value}" for name, value in result["settings"].items())
    return (
        f"On {STACKS[result['on']]}, one worker: {result['minutes']:g} minutes at "
        f"{result['events_per_s']:,.0f} events a second ({result['rate_per_s']:,.0f} were "
        f"aimed at{share}) of {result['users']:,} users and some visitors. "
        f"From event to recommendation: p50 {_ms(latency['p50'])}, p99 {_ms(latency['p99'])}. "
        f"Settings: {settings}. After {result['warm_up_minutes']:g} minutes of warm-up:"
    )


def _table(result: Mapping[str, Any]) -> Iterator[str]:
    yield "|  | least | most | growth | 95 % interval |"
    yield "| --- | --- | --- | --- | --- |"
    for name, words in SIZES.items():
        size, slope = result["sizes"][name], result["slopes_per_hour"][name]
        yield (
            f"| {words} | {size['least']:.0f} MiB | {size['most']:.0f} MiB "
            f"| {_signed(slope['per_hour'])} MiB an hour "
            f"| {_signed(slope['low'])} to {_signed(slope['high'])} |"
        )
    for name, words in COUNTS.items():
        one = result["counts"][name]
        yield (
            f"| {words} | {one['least']:,.0f} | {one['most']:,.0f} | {_signed(one['growth'])} |  |"
        )


def _ms(value: float | None) -> str:
    """The histogram's last edge stands for whatever is beyond it."""
    if value is None:
        return "–"
    return f"{value:.0f} ms" + (" or more" if value >= LATENCY_BUCKETS[-1] * 1000 else "")


def _signed(value: float) -> str:
    return f"{value:+.1f}".replace("-", "−").removesuffix(".0")

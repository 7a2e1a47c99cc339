"""The measured part of docs/encoder.md, made from the committed results.

python -m tests.bench.docs   write it
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "encoder.md"
RESULTS = ROOT / "tests" / "bench" / "results"
BEGIN = "<!-- {0}: made from tests/bench/results/{0}.json by `python -m tests.bench.docs` -->"
END = "<!-- end of {0} -->"

PARTS = ("encoder", "quality")
RATIOS = {
    "vs_sentence_transformers": ("× sentence-transformers, sorted batches of 32", "≥"),
    "vs_raw_onnxruntime": ("× the tuned onnxruntime loop, 64 callers", "≥"),
    "idle_p99": ("× the bare session's p99, one short text at idle", "≤"),
    "padding_waste": ("of all tokens are padding, mixed texts", "≤"),
}


def write() -> None:
    """Bring the page up to date with what was measured. Raises OSError where it is missing."""
    there = [name for name in PARTS if _path(name).is_file()]
    PAGE.write_text(rendered(PAGE.read_text("utf-8"), there), "utf-8")


def rendered(page: str, names: Iterable[str] = PARTS) -> str:
    """The page with these parts as their results say.

    Raises OSError where a result is missing, ValueError where the page lacks a part's markers.
    """
    made = {"encoder": encoder_part, "quality": quality_part}
    for name in names:
        result = json.loads(_path(name).read_text("utf-8"))
        page = _replaced(page, name, "\n".join(made[name](result)))
    return page


def encoder_part(result: Mapping[str, Any]) -> list[str]:
    """Where it ran, the ratios, and the tables by kind of text."""
    lines = [*_where(result), "", *_ratios(result["ratios"]), ""]
    for kind, rows in result["throughput"].items():
        about = result["texts"][kind]
        least, most = about["words"]
        lines += [f"**{kind}**: {about['count']} texts of {least} to {most} words", ""]
        lines += [*_throughput(rows), ""]
    lines += ["One short text at a time, nothing else to do:", "", *_idle(result["idle"])]
    refused = [f"- not measured: {name}: {why}" for name, why in result["refused"].items()]
    return [*lines, *(["", *refused] if refused else [])]


def quality_part(result: Mapping[str, Any]) -> list[str]:
    """Held-out ranking by model, and the differences to the first one."""
    rows = [
        (model, ranking, f"{figures['hit_rate']:.4f}", f"{figures['ndcg']:.4f}")
        for model, rankings in result["models"].items()
        for ranking, figures in rankings.items()
    ]
    head = ("change", "ranking", "figure", "relative", "95 % interval", "target", "")
    return [
        *_where(result),
        "",
        f"{result['events']:,} ratings of {result['users']:,} users:",
        "",
        *_table(("model", "ranking", "HR@10", "NDCG@10"), rows),
        "",
        *_table(head, (_change(pair) for pair in result["comparisons"])),
    ]


def _change(pair: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        f"{pair['reference']} to {pair['model']}",
        pair["ranking"],
        {"hit_rate": "HR@10", "ndcg": "NDCG@10"}[pair["figure"]],
        _percent(pair["change"]),
        f"{_percent(pair['low'])} to {_percent(pair['high'])}",
        f"≥ {_percent(pair['target'])}",
        _verdict(pair),
    )


def _where(result: Mapping[str, Any]) -> list[str]:
    machine, versions = result["machine"], result["versions"]
    named = ("onnxruntime", "openvino", "torch", "sentence-transformers", "fastembed")
    used = ", ".join(f"{name} {versions[name]}" for name in named if name in versions)
    flags = ", ".join(machine["flags"])
    quick = " **A quick run: the figures mean nothing.**" if result["quick"] else ""
    return [
        f"`{result['command']}` at commit {result['commit']}, {result['date'][:10]}, on "
        f"{machine['cores']} cores of {machine['cpu']} ({flags}), {machine['memory_gib']:g} GiB; "
        f"python {versions['python']}, {used}.{quick}"
    ]


def _ratios(ratios: Mapping[str, Any]) -> list[str]:
    rows = [
        (
            f"{one['value']:.3g} {words}",
            one["of"],
            f"{sign} {one['target']:g}",
            _verdict(one),
        )
        for (name, (words, sign)) in RATIOS.items()
        for one in [ratios[name]]
    ]
    return _table(("ratio", "of", "target", ""), rows)


def _throughput(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    head = ("what", "how", "model", "texts/s", "p50 ms", "p99 ms", "CPU ms a text", "padding")
    return _table(head, (_figures(row) for row in rows))


def _figures(row: Mapping[str, Any]) -> tuple[str, ...]:
    figures = row["median"]
    waste = figures["padding_waste"]
    calls = figures["calls"] > 1  # of a single call there are no percentiles
    return (
        *(row["name"], row["how"], row["model"], f"{figures['texts_per_s']:.0f}"),
        *((f"{figures[name]:.1f}" if calls else "–") for name in ("p50_ms", "p99_ms")),
        f"{figures['cpu_ms_per_text']:.2f}",
        "–" if waste is None else f"{waste * 100:.1f} %",
    )


def _idle(idle: Mapping[str, Any]) -> list[str]:
    head = ("model", "encoder p50 ms", "p99 ms", "bare session p50 ms", "p99 ms")
    names = ("encoder_p50_ms", "encoder_p99_ms", "session_p50_ms", "session_p99_ms")
    rows = [(model, *(f"{row['median'][n]:.2f}" for n in names)) for model, row in idle.items()]
    return _table(head, rows)


def _verdict(one: Mapping[str, Any]) -> str:
    return "reached" if one["reached"] else "missed"


def _percent(share: float) -> str:
    return f"{share:+.2%}".replace("%", " %").replace("-", "−")


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(line) + " |" for line in lines]


def _path(name: str) -> Path:
    return RESULTS / f"{name}.json"


def _replaced(page: str, name: str, part: str) -> str:
    begin, end = BEGIN.format(name), END.format(name)
    before, marked, rest = page.partition(begin)
    _, closed, after = rest.partition(end)
    if not marked or not closed:
        raise ValueError(f"{PAGE} lacks the line {begin if not marked else end}")
    return f"{before}{begin}\n\n{part}\n\n{end}{after}"


if __name__ == "__main__":
    write()

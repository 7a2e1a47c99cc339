"""The measured parts of the documentation, made from the committed results.

python -m tests.bench.docs   write it
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.bench import segment_picture
from tests.bench.segment_page import lines as segments_lines
from tests.faults.page import lines as faults_lines
from tests.peers.page import lines as peers_lines
from tests.soak.page import part as soak_part

ROOT = Path(__file__).parents[2]
PAGES = {
    ROOT / "docs" / "encoder.md": ("encoder", "models"),
    ROOT / "docs" / "large.md": ("large",),
    ROOT / "docs" / "quality.md": ("quality", "groceries", "peers", "hot"),
    ROOT / "docs" / "segments.md": ("segments",),
    ROOT / "docs" / "sequence.md": ("sequence",),
    ROOT / "docs" / "operations" / "faults.md": ("faults",),
    ROOT / "docs" / "operations" / "soak.md": ("soak",),
}
PICTURES = {ROOT / "docs" / "segments.svg": ("segments", segment_picture.svg)}
RESULTS = ROOT / "tests" / "bench" / "results"
BEGIN = "<!-- {0}: made from tests/bench/results/{0}.json by `python -m tests.bench.docs` -->"
END = "<!-- end of {0} -->"

NAMED = (
    *("onnxruntime", "openvino", "torch", "sentence-transformers", "fastembed", "implicit"),
    "scikit-learn",
    *("qdrant-client", "qdrant-edge-py", "faust-streaming", "aiokafka"),
)
RATIOS = {
    "vs_sentence_transformers": ("× sentence-transformers, sorted batches of 32", "≥"),
    "vs_raw_onnxruntime": ("× the tuned onnxruntime loop, 64 callers", "≥"),
    "idle_p99": ("× the bare session's p99, one short text at idle", "≤"),
    "padding_waste": ("of all tokens are padding, mixed texts", "≤"),
}


def write() -> None:
    """Bring pages and pictures up to date with what was measured. Raises OSError where a page is
    missing."""
    for page, names in PAGES.items():
        there = [name for name in names if _path(name).is_file()]
        page.write_text(rendered(page.read_text("utf-8"), there), "utf-8")
    for picture, (name, _) in PICTURES.items():
        if _path(name).is_file():
            picture.write_text(drawn(picture), "utf-8")


def drawn(picture: Path) -> str:
    """One of the PICTURES as its result says. Raises OSError where that is missing."""
    name, svg = PICTURES[picture]
    return svg(json.loads(_path(name).read_text("utf-8")))


def rendered(page: str, names: Iterable[str]) -> str:
    """The page with these parts as their results say.

    Raises OSError where a result is missing, ValueError where the page lacks a part's markers.
    """
    for name in names:
        result = json.loads(_path(name).read_text("utf-8"))
        page = _replaced(page, name, "\n".join(MADE[name](result)))
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


def models_part(result: Mapping[str, Any]) -> list[str]:
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


def ranking_part(result: Mapping[str, Any]) -> list[str]:
    """Every run by method, what each part is worth, and what was tried on the window."""
    lines = [*_where(result), "", *_runs(result["runs"])]
    lines += ["Other settings, in pairs on the window:", ""]
    return [*lines, *_table(IDEA, (_idea(row) for row in result["ideas"]))]


def second_part(result: Mapping[str, Any]) -> list[str]:
    """The same of the second data set."""
    return [*_where(result), "", *_runs(result["runs"])][:-1]


def peers_part(result: Mapping[str, Any]) -> list[str]:
    """Established libraries' models on the same events."""
    return [*_where(result), "", *peers_lines(result)]


HOT = {
    "flush_s": ("a flush, s", ".2f"),
    "rows": ("rows written", ".0f"),
    "ms_a_row": ("ms a row", ".2f"),
    "stored_p99_s": ("others stored after, p99 s", ".2f"),
    "age_p99_s": ("their age then, p99 s", ".2f"),
}


def hot_part(result: Mapping[str, Any]) -> list[str]:
    """Flushes of signals by how events lie on items, and ratios to the uniform world."""
    about = (
        f"{result['items']:,} items, {result['users']} users, {result['partitions']} partitions of "
        f"signals, {result['events_per_s']} events a second, a flush every "
        f"{result['signals_flush_s']:g} s:"
    )
    rows = [
        (name, *(format(one[key], form) for key, (_, form) in HOT.items()))
        for name, one in result["worlds"].items()
    ] + [
        (f"{name} / uniform", *(f"× {one[key]:.2f}" for key in HOT))
        for name, one in result["ratios"].items()
    ]
    head = ("events", *(words for words, _ in HOT.values()))
    return [*_where(result), "", about, "", *_table(head, rows)]


def faults_part(result: Mapping[str, Any]) -> list[str]:
    """What rounds of faults ended in."""
    return [*_where(result), "", *faults_lines(result)]


def sequence_part(result: Mapping[str, Any]) -> list[str]:
    """What a sequence model gives, by when it is trained."""
    rows = []
    for name, one in result["schedules"].items():
        row = [name, f"{one['weight']:g}"]
        for kind in ("list", "score"):
            found = one[kind]
            row += [f"{found['ndcg@10']:.4f}"]
            row += [_signed(found["difference"]), _interval(found["interval"])]
        share = f"{one['list']['coverage@10']:.0%}".replace("%", " %")
        row += [f"{one['list']['hr@10']:.3f}", share, f"{one['list']['calibration_kl']:.2f}"]
        rows.append(row if one["weight"] else [*row[:3], "", "", row[5], "", "", *row[8:]])
    seconds = result["training_s"].values()
    took = f"A training took {min(seconds):.0f} to {max(seconds):.0f} s."
    about = f"MovieLens-100K, {result['events']:,} events ranked. {took}"
    return [*_where(result), "", about, "", *_table(SCHEDULE, rows)]


def large_part(result: Mapping[str, Any]) -> list[str]:
    """What searching a catalogue finds and takes, by its size."""
    sizes = result["sizes"]
    rows = [
        ("recall of the best 10", *(f"{one['recall']['10']:.3f}" for one in sizes)),
        ("recall of the best 50", *(f"{one['recall']['50']:.3f}" for one in sizes)),
        (
            "largest difference between two scores of an item",
            *(f"{one['largest_score_difference']:.0e}" for one in sizes),
        ),
        ("candidates a user", *(f"{one['again_ms']['candidates']:,}" for one in sizes)),
        (
            f"finding candidates of {result['chunk']} users, nothing kept yet, ms",
            *(_both(one["first_ms"]["find"]) for one in sizes),
        ),
        ("finding candidates, ms", *(_both(one["again_ms"]["find"]) for one in sizes)),
        ("ranking them, ms", *(_both(one["again_ms"]["rank"]) for one in sizes)),
        ("scoring and ranking everything instead, ms", *(_both(one["exact_ms"]) for one in sizes)),
        ("the worker's replica, MiB", *(f"{one['replica_mib']:,}" for one in sizes)),
        ("vectors and neighbours, if held, MiB", *(f"{one['whole_mib']:,}" for one in sizes)),
        ("reading the replica at the start, s", *(f"{one['replica_read_s']:.0f}" for one in sizes)),
        ("indexing after the load, s", *(f"{one['indexed_s']:.0f}" for one in sizes)),
    ]
    head = ("", *(f"{one['items']:,} items" for one in sizes))
    return [*_where(result), "", *_table(head, rows)]


def held_part(result: Mapping[str, Any]) -> list[str]:
    """A worker under steady load."""
    return [*_where(result), "", *soak_part(result)]


def segments_part(result: Mapping[str, Any]) -> list[str]:
    """Segments on planted worlds, and a fit in a running service."""
    return [*_where(result), "", *segments_lines(result)]


def _both(spread: Mapping[str, float]) -> str:
    return f"p50 {spread['p50']:.0f}, p99 {spread['p99']:.0f}"


METHOD = ("method", "HR@10", "NDCG@10", "95 % interval", "MRR", "coverage", "Gini", "KL")
SCHEDULE = (
    *("the model was trained", "weight", "list NDCG@10", "with it − without", "95 % interval"),
    *("order of scores", "with it − without", "95 % interval"),
    *("HR@10", "coverage", "KL"),
)
IDEA = ("idea", "NDCG@10", "difference", "95 % interval", "")


def _runs(runs: Mapping[str, Any]) -> list[str]:
    lines: list[str] = []
    for name, run in runs.items():
        about = f"{run['events']:,} events ranked, {run['learned']:,} learned"
        lines += [f"**{name}**: {about}, {run['events_per_s']:,.0f} a second", ""]
        lines += [*_methods(run["methods"]), ""]
        if run["ablation"]:
            lines += ["What each part of it is worth, in pairs on the same events:", ""]
            lines += [*_ablation(run["ablation"]), ""]
    return lines


def _methods(methods: Mapping[str, Any]) -> list[str]:
    rows = [
        (
            name,
            f"{one['hr@10']:.4f}",
            f"{one['ndcg@10']:.4f}",
            "{:.4f} to {:.4f}".format(*one["ndcg@10_interval"]),
            f"{one['mrr']:.4f}",
            f"{one['coverage@10']:.1%}".replace("%", " %"),
            f"{one['gini']:.3f}",
            "–" if one["calibration_kl"] is None else f"{one['calibration_kl']:.3f}",
        )
        for name, one in methods.items()
    ]
    return _table(METHOD, rows)


def _ablation(ablation: Mapping[str, Any]) -> list[str]:
    head = ("part", "NDCG@10 lost without it", "95 % interval", "")
    rows = [
        (name, _signed(one["difference"]), _interval(one["interval"]), _sure(one["sure"]))
        for name, one in ((name, found["ndcg@10"]) for name, found in ablation.items())
    ]
    return _table(head, rows)


def _idea(row: Mapping[str, Any]) -> tuple[str, ...]:
    name, changes = row["idea"], row["settings"]
    said = ", ".join(f"`{key}` {value:g}" for key, value in changes.items())
    figure = f"{row['ndcg@10']:.4f}"
    if not changes:
        return (name, figure, "", "", "")
    return (
        f"{name} ({said})",
        figure,
        _signed(row["difference"]),
        _interval(row["interval"]),
        _sure(row["sure"]),
    )


def _interval(ends: Sequence[float]) -> str:
    return " to ".join(map(_signed, ends))


def _signed(value: float) -> str:
    return f"{value:+.4f}".replace("-", "−")


def _sure(sure: bool) -> str:
    return "sure" if sure else "not sure"


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
    used = ", ".join(f"{name} {versions[name]}" for name in NAMED if name in versions)
    flags = ", ".join(machine["flags"])
    quick = " **A quick run: the figures mean nothing.**" if result.get("quick") else ""
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
        raise ValueError(f"the page lacks the line {begin if not marked else end}")
    return f"{before}{begin}\n\n{part}\n\n{end}{after}"


MADE = {
    "encoder": encoder_part,
    "models": models_part,
    "quality": ranking_part,
    "groceries": second_part,
    "peers": peers_part,
    "large": large_part,
    "sequence": sequence_part,
    "hot": hot_part,
    "soak": held_part,
    "faults": faults_part,
    "segments": segments_part,
}

if __name__ == "__main__":
    write()

"""Found settings as the lines that the service reads, with the evidence above them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stream.evaluate.space import Number

PREFIX = "INTERESTREAM_"


def render(
    evidence: Sequence[str], values: Mapping[str, Number], others: Mapping[str, Number], word: str
) -> str:
    """A file for a shell (`set -a; . FILE`), `docker --env-file` or systemd's `EnvironmentFile`.

    Comments have lines of their own, because the latter two take them for a part of the value.

    others  what else each value was or could have been, told as `word` where it differs
    """
    lines = [*(f"# {_plain(line)}".rstrip() for line in evidence), ""]
    for name, value in values.items():
        if others[name] != value:
            lines.append(f"# {word} {others[name]!r}")
        lines.append(f"{PREFIX}{name.upper()}={value!r}")
    return "\n".join(lines) + "\n"


def _plain(line: str) -> str:
    """On one line, whatever a file's name has in it: the file is run by a shell."""
    return "".join(char if char.isprintable() else "?" for char in line)

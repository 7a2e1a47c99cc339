"""The page that tells how to deploy names commands and files that are there."""

from __future__ import annotations

import re
import shlex

from tests.infra.files import DEPLOY, ROOT
from tests.infra.test_compose import understood

PAGE = DEPLOY.read_text()
BLOCKS = re.findall(r"```sh\n(.*?)```\n\n(.*?)\n", PAGE, re.DOTALL)


def test_each_block_says_whether_it_is_run() -> None:
    assert len(BLOCKS) == PAGE.count("```sh")
    assert all(after.startswith(("*Run by tests", "*Not run by tests")) for _, after in BLOCKS)


def test_commands_of_ours_are_understood() -> None:
    lines = "\n".join(block for block, _ in BLOCKS).splitlines()
    called = [re.split(r"\binterestream (?=[a-z])", line, maxsplit=1) for line in lines]
    ours = [parts[1] for parts in called if len(parts) == 2 and "kubectl" not in parts[0]]

    assert len(ours) >= 4
    for command in ours:
        understood(shlex.split(command, comments=True))


def test_files_that_are_named_are_there() -> None:
    named = set(re.findall(r"(?<![\w/])(?:infra|requirements|tests|scripts)/[\w./-]*\w", PAGE))
    assert len(named) >= 6
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []

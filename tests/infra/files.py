"""What lies in infra/, read as the tools that use it read it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
INFRA = ROOT / "infra"
DEPLOY = ROOT / "docs" / "operations" / "deploy.md"
DOCKERFILES = (INFRA / "Dockerfile", INFRA / "Dockerfile.gpu")
BASE = INFRA / "k8s" / "base"
PREFIX = "INTERESTREAM_"

#: Variables of infra/.env, as somebody has filled them in.
ENV = {"QDRANT_API_KEY": "k" * 48, "GRAFANA_ADMIN_PASSWORD": "g" * 48}


@dataclass(frozen=True, slots=True)
class Step:
    """One instruction of a Dockerfile; `stage` is the name after AS, "" before the first FROM."""

    stage: str
    name: str
    text: str

    def words(self) -> list[str]:
        """What a JSON array holds, else what blanks part."""
        if self.text.startswith("["):
            return [str(word) for word in json.loads(self.text)]
        return self.text.split()


def steps(dockerfile: Path) -> list[Step]:
    """Its instructions in order, continued lines joined, comments left out."""
    found: list[Step] = []
    stage = ""
    lines = [x for x in dockerfile.read_text().splitlines() if not x.lstrip().startswith("#")]
    for line in re.sub(r"\\\n\s*", " ", "\n".join(lines)).splitlines():
        if not line.strip():
            continue
        name, text = line.split(maxsplit=1)
        if name == "FROM":
            stage = text.rpartition(" AS ")[2]
        found.append(Step(stage, name, text.strip()))
    return found


def environment(dockerfile: Path) -> dict[str, str]:
    """What the last stage sets."""
    texts = [
        step.text for step in steps(dockerfile) if (step.stage, step.name) == ("worker", "ENV")
    ]
    return dict(word.split("=", 1) for text in texts for word in text.split())


def compose() -> dict[str, Any]:
    """compose.yaml with the variables of ENV put in, as `docker compose config` would show it."""
    found = yaml.safe_load(filled((INFRA / "compose.yaml").read_text(), ENV))
    assert isinstance(found, dict)
    return found


def filled(text: str, env: Mapping[str, str]) -> str:
    """With `${NAME:-default}` and `${NAME:?message}` replaced, and `$$` a dollar sign."""

    def put(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        if match["kind"] == ":?":
            return env[match["name"]]
        return env.get(match["name"], match["rest"] or "")

    return re.sub(r"\$\$|\$\{(?P<name>\w+)(?P<kind>:[?-])?(?P<rest>[^}]*)\}", put, text)


def required(text: str) -> set[str]:
    """Names in `${NAME:?message}`."""
    return set(re.findall(r"\$\{(\w+):\?", text))


def dotenv(path: Path) -> dict[str, str]:
    """NAME=value lines; comments and empty lines left out."""
    lines = (line.strip() for line in path.read_text().splitlines())
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def manifests(folder: Path = BASE) -> dict[str, dict[str, Any]]:
    """The objects of a folder of manifests by their kinds, of which each is there once."""
    files = sorted(set(folder.glob("*.yaml")) - {folder / "kustomization.yaml"})
    return by_kind(x for path in files for x in yaml.safe_load_all(path.read_text()))


def by_kind(objects: Iterator[Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for each in objects:
        assert each["kind"] not in found, f"two of the kind {each['kind']}"
        found[each["kind"]] = each
    return found


def pods(objects: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Pod templates by the kind of what makes the pods."""
    return {kind: objects[kind]["spec"]["template"] for kind in ("Deployment", "Job")}


def texts() -> dict[Path, str]:
    """Every file of infra/ that is text of ours, and the page that tells how to use them."""
    found = [path for path in sorted(INFRA.rglob("*")) if path.is_file()]
    return {path: path.read_text() for path in [*found, DEPLOY]}


def settings_of(env: Mapping[str, Any]) -> dict[str, str]:
    """Of an environment what are settings, by the names that `load` takes."""
    ours = ((name, value) for name, value in env.items() if name.startswith(PREFIX))
    return {name.removeprefix(PREFIX).lower(): str(value) for name, value in ours}


def sent(path: Path) -> bool:
    """Whether .dockerignore lets a file through: of the lines that fit, the last one decides."""
    ignored = False
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        if line and not line.startswith("#") and _fits(path, line.removeprefix("!")):
            ignored = not line.startswith("!")
    return not ignored


def _fits(path: Path, pattern: str) -> bool:
    """A pattern is for a file, or a folder with all that is in it; without `**/` at the root."""
    anywhere, pattern = pattern.startswith("**/"), pattern.removeprefix("**/")
    parts = [each for each in (path, *path.parents) if each.name]
    return any(each.match(pattern) for each in (parts if anywhere else parts[-1:]))

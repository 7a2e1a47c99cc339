"""The effective settings as a person may see them, and variables that name no setting."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from stream.settings import Settings

PREFIX = "INTERESTREAM_"
FOR_TESTS = f"{PREFIX}TEST_"
HIDDEN = "********"
USER_INFO = re.compile(r"(?<=//)[^/@\s]+@")  # user:password@ of a URL


@dataclass(frozen=True, slots=True)
class Effective:
    """One setting: the variable's name, its value with secrets hidden, and who says so."""

    variable: str
    value: object
    origin: Literal["environment", "default"]


def effective(settings: Settings) -> list[Effective]:
    """Every setting, in the order of the model."""
    values = settings.model_dump(mode="json")
    return [
        Effective(
            PREFIX + name.upper(),
            _hidden(values[name]),
            "environment" if name in settings.model_fields_set else "default",
        )
        for name in type(settings).model_fields
    ]


def unknown_variables(environment: Mapping[str, str]) -> list[str]:
    """Variables with the prefix that no setting reads: most often a slip of the pen."""
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    ours = (name for name in environment if name.upper().startswith(PREFIX))
    return sorted(n for n in ours if n.upper() not in known and not n.upper().startswith(FOR_TESTS))


def nearest(variables: Iterable[str]) -> str:
    """What was probably meant, as a sentence for a person."""
    known = [PREFIX + name.upper() for name in Settings.model_fields]
    guesses = [(v, difflib.get_close_matches(v.upper(), known, 1)) for v in variables]
    meant = [f"{variable}: did you mean {guess[0]}?" for variable, guess in guesses if guess]
    return "; ".join([*meant, "docs/settings.md lists all settings"])


def _hidden(value: object) -> object:
    """A SecretStr is masked by the model; a URL may carry a password of its own."""
    return USER_INFO.sub(f"{HIDDEN}@", value) if isinstance(value, str) else value

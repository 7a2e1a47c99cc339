"""Titles and texts of items, and reviews that say what their rating says.

Everything is chosen by numbers in [0, 1) that the caller draws, so that the same draws give the
same words.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

from stream.evaluate.simulation.words import Theme

T = TypeVar("T")

TITLES = (
    "The {adjective} {thing}",
    "{thing} for {name}: the {adjective} choice",
    "{thing}: the {adjective} introduction",
    "The {thing} and the {other}",
    "All about {doing}",
    "{doing}: the {adjective} way",
    "From {thing} to {other}",
    "The art of {doing}",
)
ADJECTIVES = (
    "complete",
    "modern",
    "classic",
    "practical",
    "essential",
    "everyday",
    "little",
    "new",
)
SENTENCES = (
    "It is about {doing} and about the {thing}.",
    "For everybody who enjoys {doing}, with the {thing} at hand.",
    "Here {name} means {doing}, and what the {thing} has to do with it.",
    "You need the {thing} and the {other}, and some time for {doing}.",
    "How {doing} and {doing2} belong together.",
)
TEXT_SENTENCES = 3

#: By stars, 1 to 5. The words are such that a lexicon of sentiment and a person agree on them.
OPENINGS = (
    ("Terrible, a complete waste of money.", "Awful, I hate it.", "The worst I have ever had."),
    ("Disappointing.", "Rather poor and annoying.", "Bad, and I regret that I chose it."),
    ("It is what it says.", "It came on Monday.", "There is not much to say."),
    ("Good, I like it.", "A nice one, I am pleased.", "Very useful and well made."),
    ("Wonderful, I love it!", "Excellent, the best I have had.", "Brilliant, I am so happy!"),
)
BODIES = (
    ("The {thing} failed and {doing} was horrible.", "For {doing} it is useless."),
    ("The {thing} is weak.", "I had trouble with {doing}."),
    ("The {thing} comes with it.", "I used it for {doing} twice."),
    ("The {thing} is fine and {doing} is fun.", "It helped me with {doing}."),
    ("The {thing} is perfect.", "It made {doing} a great joy."),
)
TEXT_DRAWS = 4 * TEXT_SENTENCES
TITLE_DRAWS = 5
REVIEW_DRAWS = 4


def title(theme: Theme, draws: Sequence[float]) -> str:
    """A title out of the theme's words; takes `TITLE_DRAWS` draws."""
    u = iter(draws)
    words = TITLES[_place(TITLES, next(u))].format(
        adjective=_one(ADJECTIVES, u), **_words(theme, u), name=theme.name
    )
    return words[0].upper() + words[1:]


def text(theme: Theme, draws: Sequence[float]) -> str:
    """Some sentences that stay with the theme; takes `TEXT_DRAWS` draws."""
    u = iter(draws)
    first = _place(SENTENCES, next(u))
    kinds = (SENTENCES[(first + step) % len(SENTENCES)] for step in range(TEXT_SENTENCES))
    return " ".join(_sentence(kind, theme, u) for kind in kinds)


def review(theme: Theme, stars: int, draws: Sequence[float]) -> str:
    """What somebody writes who gives so many stars, 1 to 5; takes `REVIEW_DRAWS` draws."""
    u = iter(draws)
    opening, body = _one(OPENINGS[stars - 1], u), _one(BODIES[stars - 1], u)
    return f"{opening} {body.format(thing=_one(theme.things, u), doing=_one(theme.doings, u))}"


def _sentence(kind: str, theme: Theme, u: Iterator[float]) -> str:
    doing = _place(theme.doings, next(u))
    words = {
        "doing": theme.doings[doing],
        "doing2": theme.doings[(doing + 1) % len(theme.doings)],
        **_two_things(theme, u),
        "name": theme.name,
    }
    return kind.format(**words)


def _words(theme: Theme, u: Iterator[float]) -> dict[str, str]:
    return {"doing": _one(theme.doings, u), **_two_things(theme, u)}


def _two_things(theme: Theme, u: Iterator[float]) -> dict[str, str]:
    """Two different ones."""
    count = len(theme.things)
    first, step = _place(theme.things, next(u)), 1 + int(next(u) * (count - 1))
    return {"thing": theme.things[first], "other": theme.things[(first + step) % count]}


def _one(choice: Sequence[T], u: Iterator[float]) -> T:
    return choice[_place(choice, next(u))]


def _place(choice: Sequence[object], u: float) -> int:
    return int(u * len(choice))

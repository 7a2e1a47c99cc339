"""What a user's interests are called: by what sets each apart from the user's other interests.

A name's worth for an interest is its share there times how much more often it occurs there than in
everything the user liked lately: "drama" that is everywhere says less than "film-noir" that is in
half of one interest. Categories come first; where the items have none, words of their titles.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from stream.core.catalogue import Entry
from stream.core.decay import factor
from stream.core.profile import Profile
from stream.core.tuning import Tuning

#: Shorter words are mostly articles and prepositions, in the languages that part their words.
WORD_LETTERS_MIN = 4
#: Words of a label: one is often too general, three read like a sentence that is none.
WORDS = 2
#: Titles that must share a word before it names an interest.
SUPPORT_MIN = 2

_word = re.compile(rf"[^\W\d_]{{{WORD_LETTERS_MIN},}}")


@dataclass(frozen=True, slots=True)
class _Item:
    entry: Entry
    weight: float


def labels(
    profile: Profile, known: Callable[[str], Entry | None], tuning: Tuning
) -> dict[str, str]:
    """The label of each interest by its id, as of the profile's newest event.

    known  an item of the catalogue by its id, or None

    An interest of which `recent` holds no known item keeps the label of its medoid.
    """
    joined: dict[str, list[_Item]] = {interest.id: [] for interest in profile.interests}
    for recent in profile.recent:
        entry = known(recent.item_id) if recent.interest in joined else None
        if entry is not None:  # what was disliked joined none
            left = factor(max(profile.as_of - recent.at, 0.0), tuning.interest_half_life_s)
            joined[recent.interest].append(_Item(entry, recent.strength * left))
    everything = [item for items in joined.values() for item in items]
    categories = _shares(everything, _categories)
    found = {each: _by_category(items, categories) for each, items in joined.items()}
    if not all(found.values()):  # titles are split only where categories do not say enough
        words = _shares(everything, words_of)
        found = {each: name or _by_words(joined[each], words) for each, name in found.items()}
    return {interest.id: found[interest.id] or interest.label for interest in profile.interests}


def _by_category(items: list[_Item], everywhere: Mapping[str, float]) -> str:
    ordered = _telling(_shares(items, _categories), everywhere)
    return ordered[0] if ordered else ""


def _by_words(items: list[_Item], everywhere: Mapping[str, float]) -> str:
    titles = Counter(word for item in items for word in words_of(item.entry))
    shares = _shares(items, words_of)
    supported = {word: s for word, s in shares.items() if titles[word] >= SUPPORT_MIN}
    return " ".join(_telling(supported, everywhere)[:WORDS])


def _telling(shares: Mapping[str, float], everywhere: Mapping[str, float]) -> list[str]:
    """Most telling first; ties by name, so that a label does not depend on the order."""
    return sorted(shares, key=lambda name: (-(shares[name] ** 2) / everywhere[name], name))


def _shares(items: list[_Item], names: Callable[[Entry], Iterable[str]]) -> dict[str, float]:
    """Share of the items' weight that has each name; they sum to more than 1 where items have
    several."""
    weights: dict[str, float] = {}
    for item in items:
        for name in names(item.entry):
            weights[name] = weights.get(name, 0.0) + item.weight
    total = sum(item.weight for item in items)
    return {name: weight / total for name, weight in weights.items() if weight > 0}


def _categories(entry: Entry) -> Iterable[str]:
    return dict.fromkeys(entry.categories)


def words_of(entry: Entry) -> Iterable[str]:
    """The longer words of an item's title, each once."""
    return dict.fromkeys(word.casefold() for word in _word.findall(entry.title))

"""Sentences say why, in the user's language, and no more than is true."""

from __future__ import annotations

import pytest

from stream.core.explore import EXPANSION, EXPLORATION
from stream.core.parts import PARTS
from stream.core.profile import Offer
from stream.core.sentences import NOT_FOR_HISTORY, TEMPLATES, sentence
from stream.core.sequence import NAME as SEQUENCE

TITLES = {"a": "Alien", "b": "Brazil", "c": "Casablanca", "untitled": ""}


def offer(source: str, *because: str) -> Offer:
    return Offer("x", 1.0, source, 1.0, because)


@pytest.mark.parametrize(
    ("because", "english", "chinese"),
    [
        (("a",), "Because you liked Alien", "因为你喜欢《Alien》"),
        (("a", "b"), "Because you liked Alien and Brazil", "因为你喜欢《Alien》和《Brazil》"),
        (
            ("a", "b", "c"),
            "Because you liked Alien, Brazil and Casablanca",
            "因为你喜欢《Alien》、《Brazil》和《Casablanca》",
        ),
        (("gone", "b", "untitled"), "Because you liked Brazil", "因为你喜欢《Brazil》"),
    ],
)
@pytest.mark.parametrize("source", ["interest", "session", "neighbours"])
def test_the_users_own_items_are_named(
    source: str, because: tuple[str, ...], english: str, chinese: str
) -> None:
    assert sentence(offer(source, *because), TITLES, "en") == english
    assert sentence(offer(source, *because), TITLES, "zh") == chinese


@pytest.mark.parametrize("lang", TEMPLATES)
@pytest.mark.parametrize("source", sorted(NOT_FOR_HISTORY))
def test_what_does_not_come_from_the_history_does_not_say_so(source: str, lang: str) -> None:
    said = sentence(offer(source, "a"), TITLES, lang)

    assert said == TEMPLATES[lang].by_source[source]
    assert "Alien" not in said


@pytest.mark.parametrize("lang", TEMPLATES)
def test_every_source_has_a_sentence_of_its_own(lang: str) -> None:
    sources = [p.name for p in PARTS if p.name != "aversion"]
    sources += [SEQUENCE, EXPLORATION, EXPANSION]
    said = {sentence(offer(source), TITLES, lang) for source in sources}

    assert len(said) == len(sources)
    assert all(said)
    assert sentence(offer("something new"), TITLES, lang) == TEMPLATES[lang].otherwise


def test_a_language_goes_by_its_first_subtag_and_is_english_where_unknown() -> None:
    one = offer("hotness")

    assert sentence(one, TITLES, "zh-Hans-CN") == sentence(one, TITLES, "zh")
    assert sentence(one, TITLES, "ZH_tw") == sentence(one, TITLES, "zh")
    assert sentence(one, TITLES, "fr") == sentence(one, TITLES, "en") == "Popular right now"


def test_titles_are_taken_as_they_are() -> None:
    assert sentence(offer("interest", "a"), {"a": "{0} & {}"}, "en").endswith("{0} & {}")

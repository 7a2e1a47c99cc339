"""What VADER reads, what hides a word from it, and how long texts are read."""

from __future__ import annotations

import threading
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.sentiment.vader import SENTENCE_CHARS, TEXT_CHARS, Vader, reads
from tests.core.samples import law
from tests.sentiment.parts import analyzer, review, vader

PRAISE = "A wonderful, warm film."
BLAME = "Boring, and a waste of time."
PLAIN = "It runs for two hours."


def of(text: str) -> float | None:
    return vader().of(text)


def side(text: str) -> float:
    found = of(text)
    assert found is not None
    return found


@law
@given(
    st.text(max_size=300)
    | st.lists(st.sampled_from(["good", "bad", "but", "😍", ":)", ".", "!"])).map(" ".join)
)
def test_any_text_is_within_one(text: str) -> None:
    found = of(text)

    assert found is None or -1 <= found <= 1


@law
@given(st.lists(st.sampled_from([PRAISE, BLAME, PLAIN]), min_size=1, max_size=8))
def test_a_text_says_what_its_sentences_say_on_average(sentences: list[str]) -> None:
    """Those that take no side do not thin it out, and a long text is no louder than a short one."""
    sides = [side(one) for one in sentences if one != PLAIN]

    found = of(" ".join(sentences))
    if not sides:
        assert found is None
        return
    mean = sum(sides) / len(sides)
    assert found == pytest.approx(mean if abs(mean) >= 0.05 else 0.0, abs=1e-3)


@pytest.mark.parametrize("text", ["", " \n ", "!!!", PLAIN, "1/10", "ein sehr langer Film"])
def test_where_it_knows_no_word_it_cannot_say(text: str) -> None:
    """Not "neutral": a rating beside such a text counts in full."""
    assert of(text) is None


def test_too_little_of_a_side_is_no_side() -> None:
    """Zero and not None: it was read, and takes something from an extreme rating."""
    assert side("A nice film. A poor end.") == 0.0


@pytest.mark.parametrize(
    ("text", "like"),
    [
        ("I don’t like it.", "I don't like it."),
        ("great❤️", "great ❤"),
        ("😍love it", "😍 love it"),
        ("👍🏽", "good"),
        ("👎", "bad"),
        ("A wonderful\u200bfilm", "A wonderful film"),
        ("won\u00adder\u00adful", "wonderful"),
        ("Good film.\r\nBad end.", "Good film. Bad end."),
    ],
)
def test_nothing_hides_a_word(text: str, like: str) -> None:
    assert side(text) == side(like)


def test_what_is_negated_turns() -> None:
    assert side("This is not good.") < 0 < side("This is not bad.")


def test_sarcasm_is_out_of_reach() -> None:
    """Documented, not wished for: words are all that is looked at."""
    assert side("Oh great, another sequel. Just what I needed.") > 0.5
    assert side("Best way to waste two hours of your life, thank you so much!") > 0


def test_what_a_film_is_about_is_taken_for_how_it_is_meant() -> None:
    """Documented too: a reason why ratings weigh more."""
    assert side("A murder mystery about death and war.") < -0.5


@pytest.mark.parametrize(
    ("lang", "review_lang", "read"),
    [
        ("en", "de", True),
        ("en-gb", "de", True),
        ("en_us", "de", True),
        ("de", "en", False),
        ("eng", "en", False),
        (None, "en", True),
        (None, "EN-us", True),
        (None, "de", False),
        ("", "en", True),
    ],
)
async def test_the_event_s_language_goes_before_the_setting(
    lang: str | None, review_lang: str, read: bool
) -> None:
    (found,) = await vader(review_lang).polarity([review(PRAISE, lang)])

    assert (found is not None) == read
    assert reads(lang or review_lang) == read


@pytest.mark.parametrize(
    "text",
    ["😍" * 4000, "😂 " * 4000, "good " * 3000, "a" * 16_000, "So good!\n" * 1500, " \t" * 8000],
)
def test_what_it_is_given_is_bounded(text: str) -> None:
    """Its time grows with the square of a text, and it spells each emoji out in words: 16 KB of
    them once took ten seconds."""
    given = list(vader()._sentences(text))

    assert all(len(sentence) <= SENTENCE_CHARS for sentence in given)
    assert sum(map(len, given)) <= TEXT_CHARS


def test_of_a_long_text_the_beginning_and_the_end_are_read() -> None:
    middle = f"{PLAIN} " * 400

    assert len(middle) > TEXT_CHARS
    assert side(PRAISE + middle) == side(PRAISE)
    assert side(middle + PRAISE) == side(PRAISE)
    assert of(middle + PRAISE + middle) is None


async def test_the_loop_goes_on_meanwhile() -> None:
    """A chunk of long texts takes tenths of a second; what is not read needs no thread."""

    class Spy:
        emojis: ClassVar[dict[str, str]] = {}

        def __init__(self) -> None:
            self.threads: set[int] = set()

        def polarity_scores(self, text: str) -> Any:
            self.threads.add(threading.get_ident())
            return analyzer().polarity_scores(text)

    spy = Spy()
    found = await Vader(spy, review_lang="en").polarity([review(PRAISE), review("Gut.", "de")])

    assert [side is None for side in found] == [False, True]
    assert spy.threads
    assert threading.get_ident() not in spy.threads


async def test_it_opens_with_the_package_s_lexicon() -> None:
    opened = await Vader.open(review_lang="en")

    assert opened.of(PRAISE) == of(PRAISE)

"""The part "sequence" among the others: what is said of it is what a shorter history would give."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.because import losses, reasons
from stream.core.catalogue import Catalogue
from stream.core.parts import PARTS
from stream.core.profile import Profile
from stream.core.rank import rank, ranker, score
from stream.core.sequence import NAME, oldest_first, sequence_part
from stream.core.tuning import EventKind
from tests.core.samples import HIDE, LIKE, NOW, TUNING, VIEW, entry, folded, law
from tests.core.worlds import PLAIN, event_on, parity_world
from tests.sequence.parts import ITEMS, model, opened

Uses = list[tuple[int, EventKind]]

ON = replace(TUNING, sequence_part=0.7)
ALONE = replace(
    PLAIN,
    **{n: 0.0 for n in PLAIN.__dataclass_fields__ if n.endswith("_part")},  # type: ignore[arg-type]
)
OFFERS = np.arange(ITEMS)
PART = sequence_part(model())
WITH = (*PARTS, PART)

pairs = st.lists(
    st.tuples(st.integers(0, 20), st.sampled_from([LIKE, LIKE, VIEW, HIDE])), max_size=14
)


def using(chosen: Uses, catalogue: Catalogue) -> Profile:
    """A user of these items in turn; of those from item-12 on the model has learned nothing."""
    events = [
        replace(event_on(catalogue, n, f"item-{item}"), kind=kind, at=NOW + 60 * n)
        for n, (item, kind) in enumerate(chosen)
    ]
    return replace(folded(*events).profile, as_of=NOW + 3600)


@law
@given(pairs)
def test_what_is_said_without_an_item_is_the_part_of_a_ring_without_it(
    chosen: Uses,
) -> None:
    catalogue = parity_world()
    profile = using(chosen, catalogue)
    items = tuple(dict.fromkeys(each.item_id for each in reversed(profile.recent)))
    assert PART.without is not None

    found = PART.without(profile, items, OFFERS, catalogue)

    rings = [
        replace(profile, recent=tuple(r for r in profile.recent if r.item_id != item_id))
        for item_id in (None, *items)
    ]
    again = PART.compute(rings, catalogue, ON)[:, OFFERS]
    assert np.allclose(found, again, rtol=0, atol=1e-6)


@law
@given(pairs)
def test_a_loss_is_what_a_history_without_the_item_scores_less(
    chosen: Uses,
) -> None:
    catalogue = parity_world()
    profile = using(chosen, catalogue)
    on = replace(ALONE, sequence_part=0.7)

    found = losses(profile, OFFERS, catalogue, on, WITH)

    for item_id, lost in zip(found.items, found.scores, strict=True):
        fewer = [pair for pair in chosen if f"item-{pair[0]}" != item_id]
        users = [profile, using(fewer, catalogue)]
        whole, less = score(users, catalogue, on, parts=WITH).parts[NAME][:, OFFERS]
        assert np.allclose(lost, whole - less, rtol=0, atol=1e-6)


def test_who_made_the_model_expect_an_item_is_its_reason() -> None:
    catalogue = parity_world()
    on = replace(ALONE, sequence_part=1.0)
    profile = using([(n, LIKE) for n in range(5)], catalogue)

    found = losses(profile, OFFERS, catalogue, on, WITH)
    named = reasons(profile, OFFERS, catalogue, on, WITH)

    assert any(named)
    for offer, why in enumerate(named):
        lost = found.scores[:, offer]
        best = [found.items[place] for place in np.argsort(-lost) if lost[place] > 1e-4]
        assert list(why) == best[:2]


def test_it_is_one_of_the_parts_of_a_score() -> None:
    catalogue = parity_world()
    profile = using([(n, LIKE) for n in range(3)], catalogue)

    scored = score([profile], catalogue, ON, parts=WITH)

    own = np.float32(0.7) * model().expected([oldest_first(profile)], catalogue)
    others = score([profile], catalogue, ON)
    open_to_all = np.isfinite(scored.total)
    assert np.array_equal(scored.parts[NAME], own)
    assert np.allclose(scored.total[open_to_all], (others.total + own)[open_to_all])


def test_offers_say_that_it_is_where_they_come_from() -> None:
    catalogue = parity_world()
    profile = using([(n, LIKE) for n in range(3)], catalogue)

    [made] = rank([profile], [()], catalogue, replace(ALONE, sequence_part=0.7), parts=WITH)

    assert {offer.source for offer in made.offers[:5]} == {NAME}
    assert made.offers[0].share == {NAME: 1.0}
    assert made.offers[0].because


def test_a_part_that_is_off_changes_nothing() -> None:
    catalogue = parity_world()
    profile = using([(n, LIKE) for n in range(3)], catalogue)

    assert rank([profile], [()], catalogue, TUNING, parts=WITH) == rank(
        [profile], [()], catalogue, TUNING
    )
    assert ranker(TUNING, WITH) == ranker(TUNING)


def test_the_ranker_s_version_names_the_model() -> None:
    other = (*PARTS, sequence_part(opened(midpoint=0.1)))

    assert f"+{NAME}@{model().version}." in ranker(ON, WITH)
    assert ranker(ON, WITH) != ranker(ON, other)


def test_an_item_that_was_used_twice_stands_where_it_was_used_last() -> None:
    catalogue = parity_world()
    profile = using([(0, LIKE), (1, LIKE), (0, VIEW), (2, HIDE)], catalogue)

    assert oldest_first(profile) == ["item-1", "item-0", "item-2"]


@pytest.mark.parametrize("chosen", [[], [(15, LIKE), (16, LIKE)]])
def test_nothing_is_expected_of_a_history_that_says_nothing(
    chosen: Uses,
) -> None:
    catalogue = parity_world()

    assert not PART.compute([using(chosen, catalogue)], catalogue, ON).any()


def test_the_catalogue_may_have_nothing_that_was_learned() -> None:
    strange = Catalogue(8, (entry("other", None),))

    assert PART.compute([using([(0, LIKE)], parity_world())], strange, ON).tolist() == [[0.0]]

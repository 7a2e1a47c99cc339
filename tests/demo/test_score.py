"""Hit rates of published lists, against lists whose worth is known."""

from __future__ import annotations

import pytest

from stream.demo.audience import Received
from stream.demo.movielens import Rating
from stream.demo.plan import event_id
from stream.demo.score import moments, quality
from stream.wire.messages import Model, Offer, Recommendation


def rated(*pairs: tuple[str, str]) -> list[Rating]:
    return [Rating(user, item, 4.0, float(n)) for n, (user, item) in enumerate(pairs)]


def received(user: str, cause: int, *items: str) -> Received:
    offers = tuple(
        Offer(item_id=item, title=item, score=1.0, rank=rank, source="hotness")
        for rank, item in enumerate(items, 1)
    )
    message = Recommendation(
        recommendation_id=f"{user}-{cause}",
        version=cause,
        user_id=user,
        as_of="2026-01-01T00:00:00.000Z",
        valid_until="2026-01-02T00:00:00.000Z",
        caused_by=(event_id(cause),),
        items=offers,
        interests=(),
        entropy=0.0,
        confidence=0.0,
        segment=None,
        variant=None,
        model=Model(encoder="e", ranker="r"),
    )
    return Received(message, 0.0)


def test_a_list_is_judged_by_what_its_user_rates_next() -> None:
    ratings = rated(("a", "1"), ("b", "9"), ("a", "2"), ("a", "3"))
    found = moments([received("a", 0, "2"), received("a", 2, "7")], ratings, 0)

    assert [(m.cause, m.next_item) for m in found] == [(0, "2"), (2, "3")]
    judged = quality(found, ratings)
    assert judged is not None
    assert judged.ours.rate == 0.5


def test_a_list_without_a_next_rating_or_from_before_the_live_part_is_not_judged() -> None:
    ratings = rated(("a", "1"), ("a", "2"))

    assert moments([received("a", 1, "1"), received("a", 0, "2")], ratings, 1) == []
    assert quality([], ratings) is None


def test_popularity_is_of_that_moment_and_leaves_out_what_the_user_rated() -> None:
    """Eleven films are popular, the user has rated the first: the eleventh is in its top ten."""
    crowd = [(f"u{n}", str(item)) for item in range(11) for n in range(20 - item)]
    ratings = rated(*crowd, ("a", "0"), ("a", "10"), *((f"v{n}", "99") for n in range(50)))
    first = len(crowd)

    judged = quality(moments([received("a", first, "5")], ratings, first), ratings)

    assert judged is not None
    assert judged.popularity.rate == 1.0
    assert judged.ours.rate == 0.0


def test_the_interval_is_over_users_not_lists() -> None:
    """One user with many hits and one with none: nobody can say how good it is."""
    ratings = rated(*(("a", str(n)) for n in range(30)), *(("b", str(n)) for n in range(30)))
    hits = [received("a", n, str(n + 1)) for n in range(29)]
    misses = [received("b", 30 + n, "none") for n in range(29)]

    judged = quality(moments([*hits, *misses], ratings, 0), ratings)

    assert judged is not None
    assert judged.ours.rate == pytest.approx(0.5)
    assert (judged.ours.low, judged.ours.high) == (0.0, 1.0)

"""Segments on a replay: users of one mind come together, and their crowd is heard."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from stream.core.crowd import crowd
from stream.core.decay import Mass
from stream.core.profile import Interest, Profile
from stream.evaluate.engine import Engine
from stream.evaluate.segmented import Segmented
from stream.observe import event_kinds
from stream.settings import load
from tests.core.samples import NOW, axis
from tests.evaluate.parts import TUNING, catalogue, dataset

SETTINGS = load(segments_count=2)
CROWDED = replace(TUNING, crowd_part=0.2)


def learned(refit_events: int = 50) -> Engine:
    """After all events of even users and odd ones."""
    segments = Segmented(SETTINGS, CROWDED, refit_events=refit_events)
    engine = Engine(catalogue(), event_kinds(SETTINGS), CROWDED, segments=segments)
    for number, event in enumerate(dataset().events):
        engine.learn(event)
        if number % 50 == 49:
            engine.flush()
    engine.flush()
    return engine


def test_users_of_one_taste_are_in_one_segment() -> None:
    profiles = learned().profiles
    found = {user: one.membership.segment for user, one in profiles.items() if one.membership}

    even = {segment for user, segment in found.items() if int(user[1:]) % 2 == 0}
    odd = {segment for user, segment in found.items() if int(user[1:]) % 2}
    assert len(found) > len(profiles) / 2
    assert len(even) == len(odd) == 1
    assert even != odd
    assert not any(one.outbox for one in profiles.values())  # nobody would ever empty it


def test_what_a_segment_s_users_use_is_hot_there() -> None:
    engine = learned()
    users = [one for one in engine.profiles.values() if one.membership]
    values = crowd(users, engine.catalogue, CROWDED)
    items = np.array([int(entry.item_id[1:]) % 2 for entry in engine.catalogue.entries])

    for row, user in zip(values, users, strict=True):
        own = int(user.user_id[1:]) % 2
        assert row[items == own].mean() > 2 * row[items != own].mean()


def test_without_enough_users_nobody_is_in_a_segment() -> None:
    segments = Segmented(load(segments_count=1000), CROWDED)
    engine = Engine(catalogue(), event_kinds(SETTINGS), CROWDED, segments=segments)
    for event in dataset().events:
        engine.learn(event)

    assert all(one.membership is None for one in engine.profiles.values())


def test_who_weighs_too_little_for_a_segment_is_not_fitted() -> None:
    def users(weight: float) -> list[Profile]:
        interest = Interest("0" * 8, Mass(weight, axis(0), NOW), "film", 1.0, "drama")
        return [Profile(f"u{n}", as_of=NOW, interests=(interest,)) for n in range(10)]

    segments, heavy = Segmented(SETTINGS, CROWDED), users(SETTINGS.segment_min_weight)
    for light in [users(SETTINGS.segment_min_weight * 0.9)] * 100:
        segments.learned(light)
    assert segments.assigned(heavy[0]).membership is None
    for _ in range(100):
        segments.learned(heavy)
    assert segments.assigned(heavy[0]).membership is not None

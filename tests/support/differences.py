"""How a stored profile differs from the one that its log determines, within rounding."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from stream.core.decay import Mass, weight_at
from stream.core.profile import Profile
from tests.support.load import DIMENSION
from tests.support.recompute import HALF_LIVES_S, Expected, Part, hashed

# A sum is rounded to float16 at each save, of which there is at most one per observation: its
# components are off by a share of 2^-11 each time, those below 6e-5 by 2^-25. Errors decay as the
# sum does and weights only add, so n roundings are off by at most n times what the final sum is.
FLOAT16_SHARE, FLOAT16_FLOOR = 2.0**-11, 2.0**-25
# Weights are doubles all the way: only the order of additions differs.
EXACT = 1e-9
# Categories keep six significant digits at each save.
SIX_DIGITS = 5e-6
RING = 64
# Interests are float32 rows, made unit and scaled back at each save.
FLOAT32_SHARE = 1e-6


def differences(has: Profile, wants: Expected) -> Iterable[str]:
    """What a stored profile has otherwise than its log determines, one line each."""
    yield from unequal("marks", dict(has.marks), wants.marks)
    yield from unequal("as_of", has.as_of, wants.as_of)
    yield from unequal("forgotten_at", has.forgotten_at, wants.forgotten_at)
    ordered = list if len(wants.marks) == 1 else sorted  # two partitions: any order between them
    yield from _event_ids(has, wants)
    yield from unequal("seen", ordered(has.seen), ordered(wants.seen()))
    recent = [(one.item_id, one.at) for one in has.recent]
    yield from unequal("recent", ordered(recent), ordered(row[:2] for row in wants.recent()))
    pairs = zip(has.recent, wants.recent(), strict=False)
    if worst := [one for one, row in pairs if abs(one.strength - row[2]) > FLOAT16_SHARE]:
        yield f"strengths of recent items: {worst}"
    yield from unequal("number of ratings", has.ratings.count, len(wants.ratings))
    if abs(has.ratings.total - sum(wants.ratings)) > EXACT * (1 + len(wants.ratings)):
        yield f"ratings are {has.ratings.total}, not {sum(wants.ratings)}"
    yield from _sum("session", has.session, wants, wants.liked)
    yield from _sum("aversion", has.aversion, wants, wants.disliked)
    yield from _interests(has, wants)
    yield from _categories(has, wants)
    yield from _lately(has, wants)


def _event_ids(has: Profile, wants: Expected) -> Iterable[str]:
    """The last 64; of two partitions' events nobody knows which those are, once there are more."""
    ids = [hashed(name, 8) for name in wants.event_ids]
    if len(wants.marks) == 1:
        yield from unequal("event ids", list(has.event_ids), ids[-RING:])
        return
    yield from unequal("number of event ids", len(set(has.event_ids)), min(len(ids), RING))
    yield from unequal("event ids of nobody", set(has.event_ids) - set(ids), set())


def _sum(name: str, has: Mass | None, wants: Expected, parts: list[Part]) -> Iterable[str]:
    if has is None or not parts:
        yield from unequal(name, has is None, not parts)
        return
    weight, vector, at = wants.sum_of(parts, HALF_LIVES_S[name])
    yield from unequal(f"{name} time", has.at, at)
    if abs(has.weight - weight) > EXACT * weight:
        yield f"{name} weighs {has.weight}, not {weight}"
    off = float(np.linalg.norm(has.vector - vector))
    once = FLOAT16_SHARE * weight + FLOAT16_FLOOR * DIMENSION**0.5
    if off > len(parts) * once * 1.1:
        yield f"{name} vector is off by {off:.2g} of {weight:.2g} after {len(parts)} roundings"


def _interests(has: Profile, wants: Expected) -> Iterable[str]:
    """Clusters depend on the order of arrival; all of them together do not."""
    if not wants.liked:
        yield from unequal("interests", has.interests, ())
        return
    half_life_s = HALF_LIVES_S["interests"]
    weight, vector, at = wants.sum_of(wants.liked, half_life_s)
    left = [weight_at(one.mass, at, half_life_s=half_life_s) for one in has.interests]
    if abs(sum(left) - weight) > EXACT * weight:
        yield f"interests weigh {sum(left)}, not {weight}"
    shares = [w / one.mass.weight for w, one in zip(left, has.interests, strict=True)]
    total = sum(
        s * one.mass.vector.astype(float) for s, one in zip(shares, has.interests, strict=True)
    )
    off = float(np.linalg.norm(total - vector))
    if off > len(wants.liked) * FLOAT32_SHARE * weight:
        yield f"interest vectors are off by {off:.2g} of {weight:.2g}"


def _categories(has: Profile, wants: Expected) -> Iterable[str]:
    weights, kept = wants.category_weights(), has.categories.weights
    yield from unequal("categories", set(kept), set(weights))
    share = SIX_DIGITS * (1 + len(wants.categories))
    for name in kept.keys() & weights.keys():
        if abs(kept[name] - weights[name]) > share * weights[name]:
            yield f"category {name} weighs {kept[name]}, not {weights[name]}"


def _lately(has: Profile, wants: Expected) -> Iterable[str]:
    """Sums of a day are rounded to float16 at each save, as other sums are."""
    kept, days = has.lately.days, wants.lately()
    yield from unequal("days", sorted(kept), sorted(days))
    share = FLOAT16_SHARE * (1 + len(wants.categories))
    for number in kept.keys() & days.keys():
        yield from unequal(f"categories of day {number}", set(kept[number]), set(days[number]))
        for name in kept[number].keys() & days[number].keys():
            if (
                abs(kept[number][name] - days[number][name])
                > share * days[number][name] + FLOAT16_FLOOR
            ):
                yield f"{name} of day {number} weighs {kept[number][name]}"


def unequal(name: str, has: object, wants: object) -> Iterable[str]:
    if has != wants:
        yield f"{name}: {has!r}, not {wants!r}"

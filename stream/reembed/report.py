"""Old model against new before the switch: what stays near what, and who finds what was liked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import replace

import msgspec
import numpy as np

from stream.core.catalogue import Catalogue
from stream.core.decay import Vector
from stream.core.profile import Profile
from stream.core.rebuild import needed, rebuild
from stream.reembed import trials
from stream.reembed.make import REQUEST, batched, has_own_vector
from stream.reembed.mover import Mover
from stream.reembed.trials import Difference, Quality
from stream.store.codec import unpack
from stream.store.replica import entry_of
from stream.store.rows import ItemRow, UserRow

ITEMS = 20_000  # ranked among each other; all of a catalogue that a worker scores exactly
NEIGHBOURS = 500  # items whose neighbours are compared
ENOUGH = 50  # held-out events, for a word on quality
MEASURES = ("HR@10", "NDCG@10", "MRR")  # in the order of `trials.gains`
USERS = 2_000
PAGE = 500


class Side(msgspec.Struct, frozen=True):
    """One model: its encoder's hash, the length of its vectors, its quality on held-out events."""

    encoder: str
    dimension: int
    quality: Quality


class Report(msgspec.Struct, frozen=True):
    """Counts are of samples where they say so; point ids are hashes, so these are uniform.

    items, users        rows in the new collections
    ranked              items that held-out ones were ranked among: on offer, with both vectors
    producers           with a vector of their producer, now encoded from their text
    overlap             mean share of the ten nearest neighbours that both models agree on
    compared            items whose neighbours were compared
    asked               users who were looked at
    held_out            of these: with an event to hold out, one each
    interests, dropped  of the users looked at; dropped: no item of theirs has a text
    better              new minus old
    """

    old: Side
    new: Side
    items: int
    users: int
    ranked: int
    producers: int
    overlap: float
    compared: int
    asked: int
    held_out: int
    interests: int
    dropped: int
    better: Mapping[str, Difference]


async def report(mover: Mover) -> Report:
    """Compare the two encoders' collections as they are now.

    Raises Unavailable while the store does not answer.
    """
    rows = await _items(mover)
    profiles = [unpack(row) for row in await _users(mover)]
    sample = set(rows)
    for some in batched({i for p in profiles for i in needed(p)} - sample, REQUEST):
        rows.update(await mover.source.items.load(some))
    new = await mover.new_vectors().of(rows)
    both = {i: row for i, row in rows.items() if row.vector is not None and i in new}
    return await _compared(mover, both, new, profiles, sample)


async def _items(mover: Mover) -> dict[str, ItemRow]:
    found: dict[str, ItemRow] = {}
    async for page in mover.source.items.pages(PAGE):
        found.update((row.item_id, row) for row in page if row.deleted_at is None)
        if len(found) >= ITEMS:
            break
    return found


async def _users(mover: Mover) -> list[UserRow]:
    found: list[UserRow] = []
    async for page in mover.source.users.pages(PAGE):
        found += page
        if len(found) >= USERS:
            break
    return found


async def _compared(
    mover: Mover,
    rows: Mapping[str, ItemRow],
    new: Mapping[str, Vector],
    profiles: Sequence[Profile],
    sample: Set[str],
) -> Report:
    """rows    items with a vector in both models, each with its old one
    sample  the items among them that nobody's taste chose
    """
    tuning, move = mover.tuning, mover.move
    old = {item_id: row.vector for item_id, row in rows.items() if row.vector is not None}
    before = Catalogue(move.before.dimension).with_entries(map(entry_of, rows.values()))
    after = Catalogue(move.after.dimension).with_entries(
        replace(entry, vector=new[entry.item_id]) for entry in before.entries
    )
    held = [t for p in profiles if (t := trials.trial_of(p, old, tuning)) is not None]
    ranks = np.stack(
        [trials.ranks(held, old, before, tuning), trials.ranks(held, new, after, tuning)]
    )
    ranks = ranks[:, np.isfinite(ranks).all(axis=0)]  # (2, t)
    gains_old, gains_new = trials.gains(ranks[0]), trials.gains(ranks[1])
    chosen = [n for n, entry in enumerate(before.entries) if entry.item_id in sample]
    same = trials.overlap(before.vectors[chosen], after.vectors[chosen], NEIGHBOURS)
    return Report(
        old=Side(move.before.hash, move.before.dimension, trials.quality(gains_old)),
        new=Side(move.after.hash, move.after.dimension, trials.quality(gains_new)),
        items=await mover.target.items.count(),
        users=await mover.target.users.count(),
        ranked=int(before.on_offer.sum()),
        producers=sum(map(has_own_vector, rows.values())),
        overlap=float(same.mean()) if len(same) else 0.0,
        compared=len(same),
        asked=len(profiles),
        held_out=ranks.shape[1],
        interests=sum(len(profile.interests) for profile in profiles),
        dropped=sum(rebuild(profile, new, tuning).dropped for profile in profiles),
        better={
            name: trials.difference(gains_old[row], gains_new[row])
            for row, name in enumerate(MEASURES)
        },
    )


def table(found: Report) -> list[tuple[str, str, str]]:
    """Rows of what, old, new; the first is the head."""
    old, new = found.old, found.new
    return [
        ("", f"old {old.encoder}", f"new {new.encoder}"),
        ("dimension", str(old.dimension), str(new.dimension)),
        ("HR@10", f"{old.quality.hr:.4f}", f"{new.quality.hr:.4f}"),
        ("NDCG@10", f"{old.quality.ndcg:.4f}", f"{new.quality.ndcg:.4f}"),
        ("MRR", f"{old.quality.mrr:.4f}", f"{new.quality.mrr:.4f}"),
    ]


def words(found: Report) -> list[str]:
    """What the numbers mean, a sentence a line."""
    lines = [
        f"copied: {found.items} items, {found.users} users",
        f"of the ten nearest neighbours of an item both models agree on {found.overlap:.0%} "
        f"(mean of {found.compared} items)",
    ]
    if found.held_out:
        lines += [
            f"{found.held_out} of {found.asked} users looked at have a newest liked item that can "
            f"be held out; it was ranked among up to {found.ranked} items by what they liked "
            "before, without popularity",
            *(_verdict(name, apart) for name, apart in found.better.items()),
        ]
        if found.held_out < ENOUGH:
            lines.append(f"fewer than {ENOUGH} held-out events: believe the neighbours, not these")
    else:
        lines.append("no user has an event to hold out yet: nothing is known of the quality")
    if found.dropped:
        lines.append(
            f"{found.dropped} of {found.interests} interests of these users go, because the store "
            "has no text of their items"
        )
    if found.producers:
        lines.append(
            f"{found.producers} items brought a vector of their producer, of the old model's "
            "space: they were encoded from their text, until the producer sends new vectors"
        )
    return lines


def _verdict(name: str, apart: Difference) -> str:
    means = "the same within chance"
    if apart.clear:
        means = "the new model is better" if apart.mean > 0 else "the new model is worse"
    return (
        f"{name}: {means} ({apart.mean:+.4f}, 95 % of resamples between {apart.low:+.4f} and "
        f"{apart.high:+.4f})"
    )

"""What a user's memory says about a model: the newest liked item, found from the earlier ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stream.core.catalogue import Catalogue
from stream.core.decay import Mass, Vector, factor
from stream.core.hashes import hash32
from stream.core.profile import Interest, Profile, Recent
from stream.core.rank import score
from stream.core.rebuild import rebuild
from stream.core.tuning import Tuning

PLACES = 10
USERS = 50  # scored at once
BLOCK = 64  # rows compared at once: 5 MB at 20,000 items
NOTHING = np.zeros(0, np.float32)  # in place of sums that `rebuild` does not read


@dataclass(frozen=True, slots=True)
class Trial:
    """An item that was liked, and the profile as it may have been just before."""

    item_id: str
    before: Profile


def trial_of(profile: Profile, known: Mapping[str, object], tuning: Tuning) -> Trial | None:
    """The user's newest liked item held out; None where there is none that is new to the user, or
    nothing liked before it.

    known  items that have a vector in both models
    """
    places = [n for n, r in enumerate(profile.recent) if r.strength > 0 and r.item_id in known]
    if not places:
        return None
    held, earlier = profile.recent[places[-1]], profile.recent[: places[-1]]
    if held.item_id in {r.item_id for r in earlier}:
        return None
    liked = [r for r in earlier if r.strength > 0 and r.item_id in known]
    if not liked:
        return None
    later = {hash32(r.item_id) for r in profile.recent[places[-1] :]}
    before = Profile(
        profile.user_id,
        as_of=held.at,
        session=_mass(liked, tuning.session_half_life_s),
        interests=_interests(liked, tuning),
        aversion=_mass([r for r in earlier if r.strength < 0], tuning.aversion_half_life_s),
        recent=earlier,
        seen=tuple(h for h in profile.seen if h not in later),
    )
    return Trial(held.item_id, before)


def _interests(liked: Sequence[Recent], tuning: Tuning) -> tuple[Interest, ...]:
    joined: dict[str, list[Recent]] = {}
    for one in liked:
        if one.interest:
            joined.setdefault(one.interest, []).append(one)
    found = []
    for name, rows in joined.items():
        mass = _mass(rows, tuning.interest_half_life_s)
        if mass is not None:
            found.append(Interest(name, mass, rows[-1].item_id, 0.0, ""))
    return tuple(found)


def _mass(rows: Sequence[Recent], half_life_s: float) -> Mass | None:
    if not rows:
        return None
    at = max(row.at for row in rows)
    return Mass(sum(abs(r.strength) * factor(at - r.at, half_life_s) for r in rows), NOTHING, at)


def ranks(
    trials: Sequence[Trial],
    vectors: Mapping[str, Vector],
    catalogue: Catalogue,
    tuning: Tuning,
) -> NDArray[np.float64]:
    """(t,) each held-out item's rank, from 1, among all that the user could have been offered.

    vectors, catalogue  of the model in question; without heat, which is no model's merit

    Items of equal score share the mean of their ranks. nan where the item is not on offer now.
    """
    found = np.full(len(trials), np.nan)
    for start in range(0, len(trials), USERS):
        some = trials[start : start + USERS]
        profiles = [rebuild(trial.before, vectors, tuning).profile for trial in some]
        total = score(profiles, catalogue, tuning).total  # (u, n)
        for row, trial in enumerate(some):
            own = total[row, catalogue.rows[trial.item_id]]
            if np.isfinite(own):
                better, equal = (total[row] > own).sum(), (total[row] == own).sum()
                found[start + row] = better + (equal + 1) / 2
    return found


@dataclass(frozen=True, slots=True)
class Quality:
    """Means over trials: the held-out item among the first ten, its gain there, 1 / rank."""

    hr: float
    ndcg: float
    mrr: float


def gains(rank: NDArray[np.float64]) -> NDArray[np.float64]:
    """(3, t) hit, discounted gain and reciprocal rank of each trial. `rank` is (t,), from 1."""
    hit = rank <= PLACES
    return np.stack([hit.astype(float), np.where(hit, 1 / np.log2(rank + 1), 0.0), 1 / rank])


def quality(gained: NDArray[np.float64]) -> Quality:
    """Means of `gains`, zeros where there are no trials."""
    hr, ndcg, mrr = (float(x) for x in gained.mean(axis=1)) if gained.size else (0.0, 0.0, 0.0)
    return Quality(hr, ndcg, mrr)


@dataclass(frozen=True, slots=True)
class Difference:
    """New minus old: the mean over the same trials, and its 95 % bootstrap interval."""

    mean: float
    low: float
    high: float

    @property
    def clear(self) -> bool:
        """Whether the interval leaves zero out."""
        return self.low > 0 or self.high < 0


def difference(
    old: NDArray[np.float64], new: NDArray[np.float64], *, rounds: int = 1000
) -> Difference:
    """(t,) gains in the same trials; the same trials give the same interval."""
    if not len(old):
        return Difference(0.0, 0.0, 0.0)
    apart, chance = new - old, np.random.default_rng(0)
    means = [chance.choice(apart, len(apart)).mean() for _ in range(rounds)]
    low, high = np.quantile(means, [0.025, 0.975])
    return Difference(float(apart.mean()), float(low), float(high))


def overlap(old: NDArray[np.float32], new: NDArray[np.float32], sample: int) -> NDArray[np.float64]:
    """(s,) share of the ten nearest neighbours that both models agree on, of the first rows.

    old, new  (n, d) and (n, d') unit rows of the same items
    """
    count = min(sample, len(old))
    near_old, near_new = _nearest(old, count), _nearest(new, count)
    places = max(near_old.shape[1], 1)
    shared = [len(set(a) & set(b)) / places for a, b in zip(near_old, near_new, strict=True)]
    return np.array(shared)


def _nearest(rows: NDArray[np.float32], count: int) -> NDArray[np.intp]:
    """(count, 10) the nearest other rows of the first `count`, in no order, or all there are."""
    places = min(PLACES, len(rows) - 1)
    found = np.zeros((count, max(places, 0)), np.intp)
    if places < 1:
        return found
    for start in range(0, count, BLOCK):
        asked = np.arange(start, min(start + BLOCK, count))
        cosines = rows[asked] @ rows.T  # (b, d)·(d, n)
        cosines[asked - start, asked] = -np.inf
        found[asked] = np.argpartition(-cosines, places - 1, axis=1)[:, :places]
    return found

"""The packed state of real users stays within its budget: it decides how many machines we need."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest

from stream.core.catalogue import Catalogue
from stream.core.rank import rank
from stream.core.tuning import Tuning
from stream.evaluate.engine import Engine, entries
from stream.evaluate.sources import read
from stream.observe import event_kinds
from stream.settings import load
from stream.store.codec import pack
from stream.wire.inputs import Event
from tests.conftest import CACHE

pytestmark = pytest.mark.integration

BUDGET_BYTES = 8192
DIMENSION = 384
VERSION = 1_795_000_000_000


def test_the_demos_profiles_are_within_the_budget_at_p95() -> None:
    """Every tenth user of MovieLens-100K with all ratings folded and a list made."""
    settings = load(cache_dir=CACHE)
    data = read(["ml-100k"], {}, settings)
    rows = np.random.default_rng(0).normal(size=(len(data.items), DIMENSION)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    vectors = {item.item_id: row for item, row in zip(data.items, rows, strict=True)}
    catalogue = Catalogue(DIMENSION, entries(data.items, vectors))
    engine = Engine(catalogue, event_kinds(settings), Tuning())
    by_user: dict[str, list[Event]] = defaultdict(list)
    for event in data.events:
        by_user[event.user_id].append(event)

    sizes = []
    for user in sorted(by_user)[::10]:
        events = by_user[user]
        profile = replace(engine.fold(user, events).profile, version=VERSION)
        (current,) = rank([profile], [tuple(e.event_id for e in events)], catalogue, Tuning())
        row = pack(replace(profile, current=current), etag=1, tuning=Tuning(), now=0.0)
        sizes.append(len(row.state.encode()))

    assert np.percentile(sizes, 95) <= BUDGET_BYTES

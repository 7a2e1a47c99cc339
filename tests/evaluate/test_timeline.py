"""A model ranks from the moment on that it was trained until: never what it has seen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.commands.evaluate import Options, parts_at
from stream.core.catalogue import Catalogue
from stream.core.parts import PARTS
from stream.core.profile import Profile
from stream.core.sequence import NAME
from stream.errors import Misconfigured
from stream.evaluate.play import Player, Variant
from stream.evaluate.protocol import prequential
from stream.evaluate.timeline import Timeline, open_timeline
from stream.settings import load
from tests.core.samples import entry, law
from tests.evaluate.parts import EVERY, FIRST, TUNING, dataset, engine
from tests.sequence.parts import ITEMS, model_folder, opened

ON = replace(TUNING, sequence_part=0.5)


@law
@given(st.lists(st.integers(0, 20), max_size=5, unique=True), st.integers(0, 21))
def test_the_newest_model_from_before_a_time_is_in_force(moments: list[int], at: int) -> None:
    timeline = Timeline([opened(trained_until=float(one)) for one in moments])

    *own, part = timeline.parts(float(at))

    before = [one for one in moments if one < at]
    wanted = opened(trained_until=float(max(before))).version if before else "untrained"
    assert tuple(own) == PARTS
    assert part.version == wanted


def test_the_parts_are_the_same_object_as_long_as_they_stay_the_same() -> None:
    timeline = Timeline([opened(trained_until=5.0)])

    assert timeline.parts(1.0) is timeline.parts(5.0)
    assert timeline.parts(5.1) is timeline.parts(9.0) is not timeline.parts(5.0)


def test_before_the_first_model_nothing_is_expected() -> None:
    part = Timeline([]).parts(0.0)[-1]
    catalogue = Catalogue(8, (entry("item-0", None), entry("item-1", None)))

    assert part.compute([Profile("a"), Profile("b")], catalogue, ON).tolist() == [[0.0] * 2] * 2
    assert part.without is not None
    assert part.without(Profile("a"), ["x"], np.array([1]), catalogue).tolist() == [[0.0]] * 2


def test_a_run_ranks_with_the_parts_of_each_moment() -> None:
    """Before the model the lists are those without it, after it they are not."""
    events = dataset().events
    moment = events[len(events) // 2].at
    known = [f"i{n}" for n in range(ITEMS)]
    timeline = Timeline([opened(known, trained_until=moment)])
    both = [Variant("on", ON), Variant("off", TUNING)]

    found = Player(engine(), both, flush_events=50, parts=timeline.parts).play(
        events, prequential(events, first=FIRST, every=EVERY)
    )

    on, off = (found.methods[name].lists for name in ("on", "off"))
    early = found.at <= moment
    assert early.any()
    assert np.array_equal(on[early], off[early])
    assert not np.array_equal(on[~early], off[~early])


def test_the_folders_of_the_options_stand_before_that_of_the_settings(tmp_path: Path) -> None:
    first, second = (model_folder(tmp_path / name, trained_until=at) for name, at in FOLDERS)
    settings = load(sequence_part=0.5, sequence_model_dir=first)
    own = open_timeline([first]).parts(100.0)[-1]

    assert parts_at(settings, Options(()))(100.0)[-1].version == own.version
    asked = parts_at(settings, Options((), sequence=(first, second)))
    assert [asked(at)[-1].name for at in (1.0, 100.0)] == [NAME, NAME]
    assert asked(1.0)[-1].version == "untrained"


FOLDERS = (("first", 10.0), ("second", 20.0))


def test_without_a_weight_there_is_no_such_part(tmp_path: Path) -> None:
    assert parts_at(load(), Options(()))(0.0) is PARTS
    with pytest.raises(Misconfigured, match="INTERESTREAM_SEQUENCE_PART is 0"):
        parts_at(load(), Options((), sequence=(tmp_path,)))

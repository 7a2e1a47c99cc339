"""How long fetches may wait."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stream.kafka.deliveries import TopicPartition
from stream.kafka.fetch_wait import CALM_S, LONGEST_MS, Fetched, FetchWait

A, B = TopicPartition("events", 0), TopicPartition("events", 1)
STEP_S = 0.05
CAUGHT_UP = Fetched(0, 500, 500)

fetches = st.dictionaries(
    st.sampled_from([A, B]),
    st.builds(Fetched, st.integers(0, 500), st.integers(0, 500), st.integers(0, 500)),
)


@given(st.integers(1, 10_000), st.lists(st.tuples(fetches, st.floats(0.001, 100)), max_size=60))
def test_it_stays_within_its_bounds(
    shortest: int, steps: list[tuple[dict[TopicPartition, Fetched], float]]
) -> None:
    wait, now = FetchWait(shortest), 0.0
    for fetched, passes in steps:
        now += passes
        wait.after(fetched, now)
        assert shortest <= wait.ms <= max(shortest, LONGEST_MS)


@given(st.integers(1, 50), st.integers(1, 50))
def test_a_steady_load_changes_nothing_however_far_behind(a_step: int, behind: int) -> None:
    """What was there at one look has come by a later one, though more is there by then."""
    wait, position = FetchWait(20), 0
    for number in range(200):
        position += a_step
        wait.after({A: Fetched(a_step, position, position + min(behind, a_step))}, number * STEP_S)
        assert wait.ms == 20


@given(st.integers(100, 10_000))
def test_nor_does_a_large_backlog_of_which_much_comes(a_fetch: int) -> None:
    wait, position = FetchWait(20), 0
    for number in range(200):
        position += a_fetch
        wait.after({A: Fetched(a_fetch, position, 10_000_000)}, float(number))
        assert wait.ms == 20


def starved(wait: FetchWait, needed_ms: int) -> float:
    """Seconds until a broker that needs so long to find records has time to."""
    now = 0.0
    while wait.ms < needed_ms:
        wait.after({A: Fetched(0, 0, 50_000)}, now)
        now += max(wait.ms / 1000, STEP_S)
    return now


def test_it_grows_until_a_slow_broker_answers() -> None:
    assert starved(FetchWait(20), 1000) < 10


def test_a_drop_now_and_then_is_not_enough() -> None:
    wait = FetchWait(20)
    for number in range(20):
        wait.after({A: Fetched(1, number, 50_000)}, number * STEP_S)

    assert wait.ms > 20


def test_a_partition_that_starves_beside_one_that_does_not_is_seen() -> None:
    wait = FetchWait(20)
    for number in range(20):
        wait.after({A: Fetched(0, 0, 50_000), B: Fetched(9, 9 * number, 9 * number)}, number * 0.05)

    assert wait.ms > 20


def test_a_partition_that_is_not_asked_for_does_not_starve() -> None:
    wait = FetchWait(20)
    for number in range(20):
        wait.after({A: Fetched(0, 0, 50_000)} if number % 4 == 0 else {}, number * STEP_S)

    assert wait.ms == 20


def test_in_calm_it_shrinks() -> None:
    wait = FetchWait(20)
    starved(wait, 1000)
    grown = wait.ms
    wait.after({A: CAUGHT_UP}, 1000.0)
    wait.after({A: CAUGHT_UP}, 1000.0 + CALM_S / 2)
    assert wait.ms == grown
    for number in range(10):
        wait.after({A: CAUGHT_UP}, 1000.0 + CALM_S * (number + 1))
    assert wait.ms == 20

"""Readiness: started, and nobody waits for anything."""

from __future__ import annotations

from stream.web.health import Health


def test_a_worker_is_ready_once_it_has_started() -> None:
    health = Health()
    assert (health.live, health.ready) == (True, False)

    health.waits("kafka: refused")
    assert health.report()["away"] == {"worker": "starting, kafka: refused"}
    health.started()
    assert health.ready


def test_a_part_is_away_until_all_that_wait_for_it_got_through() -> None:
    """Two partitions wait; the first to get through does not speak for the other."""
    health = Health()
    health.started()
    health.unavailable("qdrant", "gone")
    health.unavailable("qdrant", "gone")

    health.available("qdrant")
    assert not health.ready
    health.available("qdrant")
    assert health.ready


def test_what_hangs_ends_liveness_until_it_moves() -> None:
    health = Health()
    health.started()

    health.stuck("lane events/0")
    assert (health.live, health.ready) == (False, False)
    health.unstuck("lane events/0")
    assert (health.live, health.ready) == (True, True)


def test_a_worker_that_stops_is_alive_and_not_ready() -> None:
    health = Health()
    health.started()
    health.stopping()

    assert (health.live, health.ready) == (True, False)

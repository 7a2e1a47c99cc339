"""Names of rebuilt profiles."""

from __future__ import annotations

from stream.store import names


def test_only_profiles_have_generations() -> None:
    assert names.collection("x", "users", "e1", 2) == "x_users_e1_r2"
    assert names.collection("x", "items", "e1", 2) == "x_items_e1"
    assert names.collection("x", "users", "e1") == names.collection("x", "users", "e1", 0)


def test_each_has_a_door_of_its_own_and_readers_one_for_all() -> None:
    old = names.aliases("x", "e1", 1, parts=["users"])
    new = names.aliases("x", "e1", 2, parts=["users"])

    assert old.keys() & new.keys() == {"x_users"}
    assert set(new.values()) == {"x_users_e1_r2"}


def test_they_are_found_again() -> None:
    there = ["x_users_e1", "x_users_e1_r2", "x_users_e1_r12", "x_users_e1_r0", "x_items_e1_r3"]
    others = ["x_users_e1_r2_writers", "y_x_users_e1_r5", "x_users_e10_r4"]

    assert names.generations("x", "e1", [*there, *others]) == {0, 2, 12}
    assert names.encoders("x", ["x_users_e1_r2"]) == {"e1"}

"""Hashes that other processes and other days must agree with."""

from __future__ import annotations

from stream.core.hashes import hash32, hash64, hash128, short_id


def test_the_values_never_change() -> None:
    """They are in stored profiles: another algorithm would make everything seen unseen."""
    assert hash32("item") == 2938861848
    assert hash64("item") == 15634484697162812036
    assert hash128("item").hex() == "7c5c10f0934f2cdaaa9adf86cb961a74"
    assert short_id("user", 7) == "be0504a1135505a7"


def test_widths() -> None:
    names = [f"item-{n}" for n in range(1000)]

    assert all(0 <= hash32(name) < 2**32 for name in names)
    assert len({hash64(name) for name in names}) == 1000
    assert len({hash128(name) for name in names}) == 1000
    assert all(len(hash128(name)) == 16 for name in names)


def test_parts_do_not_run_into_each_other() -> None:
    assert short_id("a", "bc") != short_id("ab", "c")
    assert len(short_id()) == 16

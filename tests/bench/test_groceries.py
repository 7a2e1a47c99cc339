"""The second data set: as many households as asked, in an order that says nothing of products."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stream.errors import Misconfigured
from stream.evaluate import tables
from stream.evaluate.dataset import Dataset, merged
from tests.bench import groceries
from tests.bench.groceries import Bought, sample

#: Households 1 to 8 come by twice; each time they buy products 1 to 50, sorted as on a receipt.
SOLD = Bought(
    users=np.tile(np.repeat(np.arange(1, 9), 50), 2),
    items=np.tile(np.arange(1, 51), 16),
    at=np.repeat(np.arange(1_500_000_000, 1_500_000_016), 50),
)


def product(number: int, **other: Any) -> dict[str, Any]:
    return {
        "product_id": number,
        "product_type": "APPLE SAUCE",
        "package_size": "50 OZ",
        "brand": "Private",
        "department": "GROCERY",
        "product_category": "FRUIT",
        **other,
    }


def test_every_fourth_household_is_taken_with_all_it_bought() -> None:
    found = sample(SOLD)

    assert sorted(set(found.users.tolist())) == [4, 8]
    assert len(found.at) == 2 * 2 * 50


def test_time_orders_and_within_a_moment_chance_does() -> None:
    """A receipt sorted by product would teach that products of near numbers belong together."""
    found = sample(SOLD)

    assert (np.diff(found.at) >= 0).all()
    ascending = np.diff(found.items[:50]) > 0
    assert 0.3 < ascending.mean() < 0.7
    assert sorted(found.items[:50].tolist()) == list(range(1, 51))


def test_it_is_the_same_sample_every_time() -> None:
    first, again = sample(SOLD), sample(SOLD)

    assert all((a == b).all() for a, b in zip(first, again, strict=True))


def read(folder: Path) -> Dataset:
    return merged(tables.read(folder / name, {}) for name in groceries.FILES)


def test_evaluate_reads_the_tables_as_they_are(tmp_path: Path) -> None:
    bought = sample(SOLD)
    groceries.write(tmp_path, bought, [product(1), product(2, package_size=None), product(99)])

    found = read(tmp_path)

    assert found.refused == ()
    assert [event.item_id for event in found.events] == list(map(str, bought.items.tolist()))
    assert {event.type for event in found.events} == {"purchase"}
    items = {item.item_id: item for item in found.items}
    assert len(items) == 50  # the others can be counted, and 99 was not bought
    assert items["1"].title == "APPLE SAUCE, 50 OZ"
    assert items["1"].text == "Private brand, GROCERY"
    assert items["1"].categories == ("FRUIT",)
    assert items["2"].title == "APPLE SAUCE"


def test_a_product_of_no_known_kind_is_counted_only(tmp_path: Path) -> None:
    unknown = product(1, product_type=None, brand=None)
    groceries.write(tmp_path, sample(SOLD), [unknown, product(2)])

    items = {item.item_id: item for item in read(tmp_path).items}

    assert items["1"].title == "1"
    assert items["1"].text == ""


def test_without_pyarrow_the_message_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setattr(groceries, "groceries_dir", lambda cache_dir: cache_dir)

    with pytest.raises(Misconfigured, match=r"interestream\[parquet\]"):
        groceries.files(tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_what_was_made_is_not_made_again(tmp_path: Path) -> None:
    (tmp_path / groceries.NAME).mkdir()

    found = groceries.files(tmp_path)

    assert found == tuple(str(tmp_path / groceries.NAME / name) for name in groceries.FILES)

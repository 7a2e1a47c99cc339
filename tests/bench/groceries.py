"""The second data set: a year of grocery shopping, as tables that `evaluate` reads.

84.51°'s Complete Journey: what 2,469 households bought in 2017, by product and till receipt. Its
publisher calls it simulated after real shopping. It has what MovieLens lacks: users who come back
every few days for a year, baskets, and seasons.
"""

from __future__ import annotations

import csv
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stream.embedded.archives import groceries_dir
from stream.errors import Misconfigured

NAME = "complete-journey"
#: Every fourth household: chosen by what fits into a benchmark, before anything was measured.
HOUSEHOLDS = 4
FILES = ("purchases.csv", "products.csv")
PURCHASE = ("user_id", "item_id", "at", "type")
PRODUCT = ("item_id", "title", "text", "categories")

Column = NDArray[np.int64]


class Bought(NamedTuple):
    """Households, products and epoch seconds, (n,) each."""

    users: Column
    items: Column
    at: Column


def files(cache_dir: Path) -> tuple[str, ...]:
    """Purchases and products of every fourth household; made once.

    Raises Misconfigured where the archive, or pyarrow to read it, is not to be had.
    """
    target = cache_dir / NAME
    if not target.is_dir():
        _make(groceries_dir(cache_dir), target)
    return tuple(str(target / name) for name in FILES)


def _make(source: Path, target: Path) -> None:
    sold = _table(source / "transactions.parquet")
    columns = (
        _numbers(sold, name) for name in ("household_id", "product_id", "transaction_timestamp")
    )
    products = _table(source / "products.parquet").to_pylist()
    with tempfile.TemporaryDirectory(dir=target.parent) as temporary:
        folder = Path(temporary) / NAME
        folder.mkdir()
        write(folder, sample(Bought(*columns)), products)
        shutil.move(folder, target)  # whole or not at all


def sample(sold: Bought) -> Bought:
    """Every fourth household, in time order, and by chance within a moment.

    Receipts are sorted by product, and neighbours in that order are often alike: it says something
    about products that no customer did.
    """
    chosen = sold.users % HOUSEHOLDS == 0
    at = sold.at[chosen]
    chance = np.random.default_rng(0).random(len(at))
    order = np.lexsort((chance, at))
    return Bought(sold.users[chosen][order], sold.items[chosen][order], at[order])


def write(folder: Path, bought: Bought, products: Iterable[Mapping[str, Any]]) -> None:
    """Both tables: what was bought, and of that what the list of products describes."""
    rows = zip(*(column.tolist() for column in bought), strict=True)
    _write(folder / FILES[0], PURCHASE, ((*row, "purchase") for row in rows))
    wanted = set(bought.items.tolist())
    described = (_described(one) for one in products if one["product_id"] in wanted)
    _write(folder / FILES[1], PRODUCT, filter(None, described))


def _described(product: Mapping[str, Any]) -> tuple[str, str, str, str] | None:
    """Kind and size as the title, brand and department as the text; None where no kind is told:
    such a product can be counted, not read."""
    kind, size = product["product_type"], product["package_size"]
    if not kind:
        return None
    return (
        str(product["product_id"]),
        f"{kind}, {size}" if size else kind,
        f"{product['brand']} brand, {product['department']}",
        product["product_category"] or "",
    )


def _table(path: Path) -> Any:
    try:
        from pyarrow import parquet
    except ImportError as missing:
        raise Misconfigured(
            f"{path} is Parquet and pyarrow is not here: pip install 'interestream[parquet]'"
        ) from missing
    return parquet.read_table(path)


def _numbers(table: Any, name: str) -> Column:
    """A column of ids, or of times as seconds since the epoch; the tills' clock counts as UTC."""
    values = table[name].to_numpy()
    seconds = values.astype("datetime64[s]") if values.dtype.kind == "M" else values
    found: Column = seconds.astype(np.int64)
    return found


def _write(path: Path, head: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(head)
        writer.writerows(rows)

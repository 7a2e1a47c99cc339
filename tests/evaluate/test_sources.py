"""Data sets in the forms that people have them."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet

from stream.errors import Misconfigured
from stream.evaluate import tables
from stream.evaluate.dataset import Dataset, is_bare
from stream.evaluate.sources import read
from stream.settings import load

T = 1_700_000_000


def reading(*paths: Path, columns: str = "") -> Dataset:
    return read([str(path) for path in paths], tables.columns(columns), load())


def written(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_a_folder_of_atomic_files(tmp_path: Path) -> None:
    folder = tmp_path / "films"
    folder.mkdir()
    written(
        folder / "films.inter",
        "user_id:token\titem_id:token\trating:float\ttimestamp:float",
        f"u2\ti2\t3\t{T + 5}",
        f"u1\ti1\t5\t{T}",
    )
    written(
        folder / "films.item",
        "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq",
        'i1\t"Heat" again\t1995\tAction Crime',
        "i2\tUntitled\t\t",
    )
    written(
        folder / "films.user", "user_id:token\tage:token\tgender:token", "u1\t24\tF", "u2\t35\tM"
    )

    found = reading(folder)

    assert [(e.user_id, e.item_id, e.at, e.rating, e.type) for e in found.events] == [
        ("u1", "i1", T, 5.0, "rating"),
        ("u2", "i2", T + 5, 3.0, "rating"),
    ]
    assert [(i.title, i.categories) for i in found.items] == [
        ('"Heat" again (1995)', ("Action", "Crime")),
        ("Untitled", ()),
    ]
    assert found.groups == {
        "gender": {"u1": "F", "u2": "M"},
        "age": {"u1": "under 25", "u2": "35 to 49"},
    }


def test_tables_with_a_column_map(tmp_path: Path) -> None:
    events = written(
        tmp_path / "log.csv",
        "uid,iid,ts,stars",
        f"u1,a,{T + 9},4",
        "u2,b,2023-11-14T22:13:20Z,10",
    )
    items = written(tmp_path / "films.csv", "iid,name,genres", 'a,"Alien, the film",Horror|SF')

    found = reading(events, items, columns="user=uid,item=iid,at=ts,rating=stars,title=name")

    assert [(e.user_id, e.item_id, e.at, e.rating, e.rating_max) for e in found.events] == [
        ("u2", "b", T, 10.0, 10.0),
        ("u1", "a", T + 9, 4.0, 10.0),
    ]
    by_id = {item.item_id: item for item in found.items}
    assert (by_id["a"].title, by_id["a"].categories) == ("Alien, the film", ("Horror", "SF"))
    assert is_bare(by_id["b"])


def test_without_ratings_events_are_clicks_and_usual_names_need_no_map(tmp_path: Path) -> None:
    path = written(tmp_path / "log.tsv", "user_id\titem_id\ttimestamp", f"u\ta\t{T}")

    (event,) = reading(path).events

    assert (event.type, event.rating) == ("click", None)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ("user=who", "no column for 'user', only uid, iid, ts.*--columns user=NAME"),
        ("user=uid,item=nothing", "no column for 'item'"),
        ("colour=red", "WHAT=COLUMN"),
        ("user", "WHAT=COLUMN"),
    ],
)
def test_a_map_that_does_not_fit_is_told(tmp_path: Path, columns: str, message: str) -> None:
    path = written(tmp_path / "log.csv", "uid,iid,ts", f"u,a,{T}")

    with pytest.raises(Misconfigured, match=message):
        reading(path, columns=columns + ",at=ts" if "=" in columns else columns)


def test_rows_that_cannot_be_read_are_counted(tmp_path: Path) -> None:
    path = written(tmp_path / "log.csv", "user,item,at", f"u,a,{T}", f"u,b,{T}000", "u,c,soon")

    found = reading(path)

    assert len(found.events) == 1
    assert [line.partition(":")[0] for line in found.refused] == [
        "log.csv, row 2",
        "log.csv, row 3",
    ]
    assert "milliseconds?" in found.refused[0]


def test_json_lines_of_our_own_messages(tmp_path: Path) -> None:
    """However old an event is, it counts; what a worker would refuse is refused."""

    def line(**given: Any) -> str:
        return json.dumps(given)

    path = written(
        tmp_path / "log.jsonl",
        line(item_id="a", title="Alien", categories=["SF"]),
        line(user_id="u", item_id="a", type="click", at=1_000_000),
        "",
        line(user_id="u", item_id="a", type="teleport", at=T),
        line(user_id="u", type="click", at=T),
        "not json",
    )

    found = reading(path)

    assert [(e.type, e.at) for e in found.events] == [("click", 1_000_000.0)]
    assert [(i.item_id, i.title) for i in found.items] == [("a", "Alien")]
    assert [line.split(":")[0] for line in found.refused] == [
        f"log.jsonl, line {n}" for n in (4, 5, 6)
    ]


def test_events_of_several_files_are_one_stream(tmp_path: Path) -> None:
    early = written(tmp_path / "early.csv", "user,item,at", f"u,a,{T}", f"u,b,{T + 20}")
    late = written(tmp_path / "late.csv", "user,item,at", f"v,c,{T + 10}")

    found = reading(late, early)

    assert [e.item_id for e in found.events] == ["a", "c", "b"]
    assert found.name == "late + early"
    assert [e.item_id for e in found.first(2).events] == ["a", "c"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nowhere.csv", "is not there"),
        ("notes.txt", "ends in .txt"),
        ("empty", "has no .inter file"),
        ("none.csv", "has no column"),
        ("items.csv", "holds no event"),
    ],
)
def test_what_is_no_data_set_is_told(tmp_path: Path, name: str, message: str) -> None:
    written(tmp_path / "notes.txt", "x")
    written(tmp_path / "none.csv", "")
    written(tmp_path / "items.csv", "item_id,title", "a,Alien")
    (tmp_path / "empty").mkdir()

    with pytest.raises(Misconfigured, match=message):
        reading(tmp_path / name)


@pytest.mark.parametrize("times", ["seconds", "timestamps", "text"])
def test_parquet_is_read_as_a_table_of_the_same_columns(tmp_path: Path, times: str) -> None:
    moments = [T, T + 10.5]
    at: dict[str, list[object]] = {
        "seconds": list(moments),
        "timestamps": [datetime.fromtimestamp(t, UTC) for t in moments],
        "text": [datetime.fromtimestamp(t, UTC).isoformat() for t in moments],
    }
    columns = {"uid": [1, 2], "iid": ["a", "b"], "ts": at[times], "stars": [5, None]}
    parquet.write_table(pyarrow.table(columns), tmp_path / "log.parquet")

    found = reading(tmp_path / "log.parquet", columns="user=uid,item=iid,at=ts,rating=stars")

    assert not found.refused
    assert [(e.user_id, e.item_id, e.at) for e in found.events] == [
        ("1", "a", moments[0]),
        ("2", "b", moments[1]),
    ]
    rated, unrated = found.events
    assert (rated.type, rated.rating, unrated.rating) == ("rating", 5.0, None)


def test_a_broken_parquet_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"log\.parquet cannot be read"):
        reading(written(tmp_path / "log.parquet", "PAR1, but no more"))


def test_parquet_without_its_package_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    path = written(tmp_path / "log.parquet", "PAR1")

    with pytest.raises(Misconfigured, match=r"interestream\[parquet\]"):
        reading(path)

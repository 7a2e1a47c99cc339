"""What there is to learn from in a CSV file."""

from __future__ import annotations

from pathlib import Path

import pytest

from export.labelled import Labelled, read_labelled
from stream.errors import Misconfigured


def read(path: Path, content: str | bytes, **given: object) -> Labelled:
    data = path / "data.csv"
    data.write_bytes(content.encode() if isinstance(content, str) else content)
    options = {"text_column": "text", "label_column": "label", "rating_max": None} | given
    return read_labelled(data, **options)  # type: ignore[arg-type]


def rows(*labels: str) -> str:
    return "text,label\n" + "".join(f"text {n},{label}\n" for n, label in enumerate(labels))


@pytest.mark.parametrize(
    ("labels", "rating_max", "sides"),
    [
        (("0", "1", "1"), None, "-++"),
        (("0.0", "1.0"), None, "-+"),
        (("pos", "NEG", "Positive", " negative ", "neutral"), None, "+-+-."),
        (("-1", "0", "1"), None, "-.+"),
        (("-0.5", "0.04", "-0.04", "0.05", "0", "1"), None, "-..+.+"),
        (("1", "2", "2.5", "3", "3.5", "4", "5"), 5.0, "--..+++"),
        (("0", "4", "5", "6", "7", "10"), 10.0, "--..++"),
        (("0", "1"), 1.0, "-+"),
    ],
)
def test_labels_take_sides(
    tmp_path: Path, labels: tuple[str, ...], rating_max: float | None, sides: str
) -> None:
    """0 is a class where there are only 0 and 1, else a number that takes no side."""
    found = read(tmp_path, rows(*labels), rating_max=rating_max)

    kept = [(f"text {n}", side == "+") for n, side in enumerate(sides) if side != "."]
    assert list(zip(found.texts, found.positive, strict=True)) == kept
    assert found.neutral == sides.count(".")


def test_each_text_is_there_once(tmp_path: Path) -> None:
    """Else the held-out part would hold what was learned by heart."""
    content = "text,label\nGood,1\n good ,1\nGOOD,1\nBad,0\nodd,1\nOdd,0\nodd,1\n  ,1\n"

    found = read(tmp_path, content)

    assert (found.texts, found.positive) == (("Good", "Bad"), (True, False))
    assert (found.repeated, found.contradictory, found.blank) == (3, 1, 1)


def test_quotes_line_ends_marks_and_other_columns(tmp_path: Path) -> None:
    content = '\ufeffstars,body,who\r\n5,"Good, ""really""\nso",ann\r\n1,Schön wär’s,bob\r\n'

    found = read(tmp_path, content, text_column="body", label_column="stars", rating_max=5.0)

    assert found.texts == ('Good, "really"\nso', "Schön wär’s")
    assert found.positive == (True, False)


@pytest.mark.parametrize(
    ("content", "given", "message"),
    [
        ("body,label\nx,1\n", {}, r"no column 'text'.*\['body', 'label'\].*--text-column"),
        ("text,stars\nx,1\n", {}, r"no column 'label'.*--label-column"),
        ("", {}, r"no column 'text'"),
        ("text,label\nx,1\ny,great\n", {}, r"line 3: the label is 'great', needed is pos, neg"),
        ("text,label\nx,5\n", {}, r"line 2: the label is '5'.*--rating-max"),
        ("text,label\nx,nan\n", {}, r"line 2: the label is 'nan'"),
        ("text,label\nx,\n", {}, r"line 2: the label is ''"),
        ("text,label\nx,6\n", {"rating_max": 5.0}, r"needed is a rating in \[0, 5\]"),
        ("text,label\nx,pos\n", {"rating_max": 5.0}, r"the label is 'pos'"),
        ("text,label\nx\n", {}, r"line 2: the row is cut short"),
        (b"text,label\n\xff\xfe,1\n", {}, r"cannot be read as CSV in UTF-8"),
    ],
)
def test_what_does_not_fit_is_named(
    tmp_path: Path, content: str | bytes, given: dict[str, object], message: str
) -> None:
    with pytest.raises(Misconfigured, match=message):
        read(tmp_path, content, **given)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="No such file"):
        read_labelled(
            tmp_path / "none.csv", text_column="text", label_column="label", rating_max=None
        )

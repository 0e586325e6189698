"""Lists of labels: rows with their line numbers, malformed ones named."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.errors import UserError
from train.datasets.tables import inside, read_columns, read_lines, read_rows


def _write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_blank_lines_are_left_out_and_counted(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.txt", "\ufeffone\n\n  \n two \n")
    assert list(read_lines(path)) == [(1, "one"), (4, "two")]
    path = _write(tmp_path / "a.csv", "a, b\n\n,\nc,d\n")
    assert list(read_rows(path)) == [(1, ["a", "b"]), (4, ["c", "d"])]


def test_columns_are_found_by_name_in_any_order(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.csv", "Label,File,More\n1,x.png,z\n2,y.png,z\n")
    assert list(read_columns(path, ("file", "label"))) == [
        (2, ["x.png", "1"]),
        (3, ["y.png", "2"]),
    ]
    bare = _write(tmp_path / "b.csv", "x.png,1\ny.png,2\n")
    assert list(read_columns(bare, ("label",), ("file", "label"))) == [(1, ["1"]), (2, ["2"])]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file\nx\n", r"a.csv, line 1: malformed row \(no column 'label'\)"),
        ("file,label\nx\n", r"a.csv, line 2: malformed row \(1 cells, expected 2\)"),
        ("", r"a.csv, line 1: malformed row \(no column"),
    ],
)
def test_malformed_rows_are_named(tmp_path: Path, text: str, message: str) -> None:
    path = _write(tmp_path / "a.csv", text)
    with pytest.raises(UserError, match=message):
        list(read_columns(path, ("label",)))


@pytest.mark.parametrize("name", ["", "/etc/passwd", "../a.png", "a/../../b.png", "a\0.png"])
def test_names_that_lead_out_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="names no file of the set"):
        inside(Path("root"), name)


@given(st.text(max_size=30))
def test_whatever_is_let_in_lies_inside(name: str) -> None:
    try:
        path = inside(Path("/root/set"), name)
    except ValueError:
        return
    assert path.is_relative_to("/root/set")
    assert ".." not in path.parts

"""Lists of labels as rows: malformed ones are named by file and line."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path, PurePosixPath

from runtime.errors import UserError


def malformed(path: Path, line: int, reason: object) -> UserError:
    """Makes the error for a row that can't be read."""
    return UserError(f"{path}, line {line}: malformed row ({reason})")


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yields (line number, text) of the lines that aren't blank."""
    with path.open(encoding="utf-8-sig", errors="replace") as stream:
        for number, line in enumerate(stream, start=1):
            if line.strip():
                yield number, line.strip()


def read_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yields (line number, cells) of a csv file without a header; blank rows are left out.

    Raises:
        UserError: Not csv.
    """
    with path.open(newline="", encoding="utf-8-sig", errors="replace") as stream:
        reader = csv.reader(stream)
        try:
            for cells in reader:
                if any(cells):
                    yield reader.line_num, [cell.strip() for cell in cells]
        except csv.Error as error:
            raise malformed(path, reader.line_num, error) from error


def read_columns(
    path: Path, wanted: Sequence[str], order: Sequence[str] = ()
) -> Iterator[tuple[int, list[str]]]:
    """Yields (line number, wanted cells) of a csv file with a header.

    Args:
        path: The file.
        wanted: Names of columns; capitals don't matter.
        order: All columns in order, for a file that may have no header.

    Raises:
        UserError: Not csv, a column is missing, or a row is too short.
    """
    rows = read_rows(path)
    line, header = next(rows, (1, []))
    first: list[tuple[int, list[str]]] = []
    names = [cell.lower() for cell in header]
    if order and wanted[0].lower() not in names and len(header) == len(order):
        names, first = [name.lower() for name in order], [(line, header)]
    for name in wanted:
        if name.lower() not in names:
            raise malformed(path, line, f"no column {name!r}")
    places = [names.index(name.lower()) for name in wanted]
    for line, cells in chain(first, rows):
        if len(cells) <= max(places):
            raise malformed(path, line, f"{len(cells)} cells, expected {len(names)}")
        yield line, [cells[place] for place in places]


def inside(root: Path, name: str) -> Path:
    """Gives a file that a list names, in the list's folder.

    Raises:
        ValueError: No name, or one that leads out of the folder.
    """
    path = PurePosixPath(name)
    if not path.parts or "\0" in name or path.is_absolute() or ".." in path.parts:
        raise ValueError(f"{name!r} names no file of the set")
    return root / path

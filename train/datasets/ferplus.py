"""FER+: FER2013's faces with ten people's votes (Barsoum et al. 2016), in three forms.

- Sheets: `ferplus_<split>.csv` and PNG sheets of 48-pixel faces.
- The originals: Kaggle's `fer2013.csv` beside Microsoft's `fer2013new.csv`.
- Pictures: `FER2013Train|Valid|Test/` with a `label.csv` each, as Microsoft's
  own tool writes them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from runtime.errors import UserError
from runtime.manifest import EMOTIONS
from train.datasets.faces import FaceSet
from train.datasets.pictures import load_pictures, read_face
from train.datasets.tables import inside, malformed, read_columns, read_rows
from train.progress import show_progress

#: Side of a face in pixels.
_SIDE = 48

#: Columns of votes; `EMOTIONS` is FER+'s own order.
_VOTES = (*EMOTIONS, "unknown", "nf")

#: Split -> FER2013's name for it, and the folder of Microsoft's tool.
_PARTS = {
    "train": ("Training", "FER2013Train"),
    "valid": ("PublicTest", "FER2013Valid"),
    "test": ("PrivateTest", "FER2013Test"),
}


def ferplus_majority(votes: NDArray[np.float32]) -> NDArray[np.int64]:
    """Applies FER+'s official majority rule (Barsoum et al. 2016, and its code).

    Votes of one or less count as noise and become zero; a face has a majority
    if its largest count is more than half of what is left, and an emotion.

    Args:
        votes: (N, 10) counts: the eight emotions, unknown, not-a-face.

    Returns:
        (N,) int64 index of the emotion, -1 without a majority.
    """
    kept = np.where(votes <= 1, 0, votes)
    best = kept.argmax(1)
    wins = kept.max(1) > 0.5 * kept.sum(1)
    return np.where(wins & (best < len(EMOTIONS)), best, -1).astype(np.int64)


def read_ferplus(data_dir: Path, split: str) -> FaceSet:
    """Reads whichever form the folder holds."""
    usage, folder = _PARTS[split]
    name = f"ferplus/{split}"
    sheets = data_dir / f"ferplus_{split}.csv"
    pixels, votes = data_dir / "fer2013.csv", data_dir / "fer2013new.csv"
    if sheets.is_file():
        return _read_sheets(name, sheets)
    if pixels.is_file() and votes.is_file():
        return _read_originals(name, usage, pixels, votes)
    if (data_dir / folder).is_dir():
        return _read_pictures(name, data_dir / folder)
    if pixels.is_file() or votes.is_file():
        there, lacks = (pixels, votes) if pixels.is_file() else (votes, pixels)
        raise UserError(f"{lacks}: not found; {there.name} holds only half of FER+")
    raise UserError(
        f"--data_dir {data_dir} must hold ferplus_{split}.csv and its sheets, fer2013.csv and "
        f"fer2013new.csv, or the folder {folder}"
    )


def _read_sheets(name: str, table: Path) -> FaceSet:
    sheets: dict[str, NDArray[np.uint8]] = {}
    images: list[NDArray[np.uint8]] = []
    counts: list[list[float]] = []
    for line, cells in read_columns(table, ("sheet", "row", "col", *_VOTES)):
        sheet = cells[0]
        try:
            file, row, column = inside(table.parent, sheet), int(cells[1]), int(cells[2])
            counts.append(_parse_votes(cells[3:]))
        except ValueError as error:
            raise malformed(table, line, error) from error
        if sheet not in sheets:
            picture = read_face(file, grey=True)
            if picture is None:
                raise UserError(f"{file}: missing or not a picture")
            sheets[sheet] = picture
        y, x = row * _SIDE, column * _SIDE
        face = sheets[sheet][y : y + _SIDE, x : x + _SIDE]
        if min(row, column) < 0 or face.shape != (_SIDE, _SIDE):
            raise UserError(
                f"{table}, line {line}: no face at row {row}, column {column} of {sheet}"
            )
        images.append(face)
    if not images:
        raise UserError(f"{table}: holds no faces")
    return _voted(name, images, counts, _SIDE)


def _read_originals(name: str, usage: str, pixels: Path, votes: Path) -> FaceSet:
    """Reads row by row: a row of one file belongs to the same row of the other."""
    images: list[NDArray[np.uint8]] = []
    counts: list[list[float]] = []
    pairs = zip_longest(
        read_columns(pixels, ("Usage", "pixels")),
        read_columns(votes, ("Usage", "Image name", *_VOTES)),
    )
    for left, right in show_progress(pairs, name, unit="rows"):
        if left is None or right is None:
            shorter = pixels if left is None else votes
            raise UserError(f"{shorter}: has fewer rows than its partner; is it cut short?")
        (line, (part, text)), (voted, (same, image, *cells)) = left, right
        if part != same:
            raise UserError(
                f"{pixels}, line {line}: is {part!r}, but {votes.name}, line {voted}, is {same!r}; "
                "the two don't belong together"
            )
        # A row without a name is no face (FER+'s own tool skips it too).
        if part != usage or not image:
            continue
        try:
            face = np.frombuffer(bytearray(map(int, text.split())), np.uint8)
            images.append(face.reshape(_SIDE, _SIDE))
        except ValueError as error:
            raise malformed(pixels, line, error) from error
        try:
            counts.append(_parse_votes(cells))
        except ValueError as error:
            raise malformed(votes, voted, error) from error
    if not images:
        raise UserError(f"{pixels}: holds no faces of {usage}")
    return _voted(name, images, counts, _SIDE)


def _read_pictures(name: str, folder: Path) -> FaceSet:
    table = folder / "label.csv"
    if not table.is_file():
        raise UserError(f"{table}: not found; FER+'s generate_training_data.py writes it")
    files: list[Path] = []
    counts: list[list[float]] = []
    for line, cells in read_rows(table):
        # Name, box (not in every version of the tool), ten votes.
        if len(cells) not in (len(_VOTES) + 1, len(_VOTES) + 2):
            raise malformed(table, line, f"{len(cells)} cells, expected name, box and ten votes")
        try:
            files.append(inside(folder, cells[0]))
            counts.append(_parse_votes(cells[-len(_VOTES) :]))
        except ValueError as error:
            raise malformed(table, line, error) from error
    if not files:
        raise UserError(f"{table}: holds no faces")
    images, kept = load_pictures(name, files, grey=True)
    return _voted(name, images, [counts[i] for i in kept], images.side)


def _parse_votes(cells: Sequence[str]) -> list[float]:
    counts = [float(cell) for cell in cells]
    if not all(math.isfinite(count) and 0 <= count < 1e6 for count in counts):
        raise ValueError("votes must be numbers from 0 on")
    return counts


def _voted(
    name: str, images: Sequence[NDArray[np.uint8]], counts: list[list[float]], side: int
) -> FaceSet:
    """Makes a set from raw counts in the order of `_VOTES`."""
    votes = np.array(counts, np.float32)
    cleaned = np.where(votes <= 1, 0, votes)[:, : len(EMOTIONS)]
    # Where every vote is a single one, the noise rule would leave nothing.
    soft = np.where(cleaned.sum(1, keepdims=True) > 0, cleaned, votes[:, : len(EMOTIONS)])
    return FaceSet(name, EMOTIONS, images, soft, ferplus_majority(votes), side, soft=True)

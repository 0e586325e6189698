"""FER+: FER2013's faces with ten people's votes (Barsoum et al. 2016)."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from runtime.errors import UserError
from runtime.manifest import EMOTIONS
from train.datasets.faces import FaceSet

#: Side of a face in pixels.
_SIDE = 48


def ferplus_majority(votes: NDArray[np.float32]) -> NDArray[np.int64]:
    """FER+'s official majority rule (Barsoum et al. 2016, and its code).

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
    """The sheet form: `ferplus_<split>.csv` and PNG sheets of 48-pixel faces."""
    table = data_dir / f"ferplus_{split}.csv"
    if not table.is_file():
        raise UserError(f"{table}: not found; --data_dir must hold ferplus_{split}.csv")
    columns = (*EMOTIONS, "unknown", "nf")
    sheets: dict[str, NDArray[np.uint8]] = {}
    images: list[NDArray[np.uint8]] = []
    counts: list[list[float]] = []
    with table.open(newline="", encoding="utf-8", errors="replace") as stream:
        for line, row in enumerate(csv.DictReader(stream), start=2):
            try:
                name, r, c = row["sheet"], int(row["row"]), int(row["col"])
                counts.append([float(row[column]) for column in columns])
            except (KeyError, TypeError, ValueError) as error:
                raise UserError(f"{table}, line {line}: malformed row ({error})") from error
            if name not in sheets:
                sheets[name] = _read_grey(data_dir / name)
            y, x = r * _SIDE, c * _SIDE
            face = sheets[name][y : y + _SIDE, x : x + _SIDE]
            if face.shape != (_SIDE, _SIDE):
                raise UserError(f"{table}, line {line}: no face at row {r}, column {c} of {name}")
            images.append(face)
    if not images:
        raise UserError(f"{table}: holds no faces")
    votes = np.array(counts, np.float32)
    cleaned = np.where(votes <= 1, 0, votes)[:, : len(EMOTIONS)]
    # Where every vote is a single one, the noise rule would leave nothing.
    soft = np.where(cleaned.sum(1, keepdims=True) > 0, cleaned, votes[:, : len(EMOTIONS)])
    majority = ferplus_majority(votes)
    return FaceSet(f"ferplus/{split}", EMOTIONS, images, soft, majority, _SIDE, soft=True)


def _read_grey(path: Path) -> NDArray[np.uint8]:
    picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if picture is None:
        raise UserError(f"{path}: missing or not a picture")
    return np.asarray(picture, np.uint8)

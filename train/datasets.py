"""Faces with votes, read from a data set's own layout into memory."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from runtime.errors import UserError
from runtime.manifest import EMOTIONS

DATASETS = ("ferplus", "folder")
SPLITS = ("train", "valid", "test")

#: Side of a face in the FER+ sheets, in pixels.
_FERPLUS_SIDE = 48


@dataclass(frozen=True)
class FaceSet:
    """Faces and what people said of them.

    Attributes:
        name: Data set and split, for messages.
        images: N grey (H, W) or BGR (H, W, 3) uint8 faces, cropped.
        votes: (N, 8) float32, non-negative, in the order of `EMOTIONS`; a
            single label is one vote.
        majority: (N,) int64 index into `EMOTIONS`, -1 where there is no
            majority (the face then takes no part in accuracy).
        detail: The faces' own side in pixels where all share it, else 0.
    """

    name: str
    images: Sequence[NDArray[np.uint8]]
    votes: NDArray[np.float32]
    majority: NDArray[np.int64]
    detail: int = 0

    def __len__(self) -> int:
        return len(self.images)

    def subset(self, keep: NDArray[np.bool_]) -> FaceSet:
        """The faces where `keep`, (N,) bool, is true."""
        chosen = np.flatnonzero(keep)
        images = [self.images[int(i)] for i in chosen]
        return FaceSet(self.name, images, self.votes[chosen], self.majority[chosen], self.detail)

    def with_votes(self) -> FaceSet:
        """The faces with at least one vote on an emotion.

        Raises:
            UserError: There is none.
        """
        keep = self.votes.sum(1) > 0
        if not keep.any():
            raise UserError(f"{self.name}: no face has a vote on any of the eight emotions")
        return self.subset(keep)

    def with_majority(self) -> FaceSet:
        """The faces that count for accuracy."""
        return self.subset(self.majority >= 0)

    def targets(self) -> NDArray[np.float32]:
        """(N, 8) float32 vote distributions; rows add up to one."""
        shares: NDArray[np.float32] = self.votes / np.maximum(
            self.votes.sum(1, keepdims=True), 1e-9
        )
        return shares


def load_faces(data_dir: Path, dataset: str, split: str) -> FaceSet:
    """Reads one split of a data set.

    Args:
        data_dir: The data set's folder.
        dataset: One of `DATASETS`.
        split: One of `SPLITS`.

    Raises:
        UserError: The folder, the split or a file of it is missing or broken.
    """
    if not data_dir.is_dir():
        raise UserError(f"--data_dir {data_dir}: no such folder")
    if split not in SPLITS:
        raise UserError(f"--split must be one of {', '.join(SPLITS)}, not {split!r}")
    if dataset == "ferplus":
        return _ferplus(data_dir, split)
    if dataset == "folder":
        return _folder(data_dir, split)
    raise UserError(f"--dataset must be one of {', '.join(DATASETS)}, not {dataset!r}")


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


def _ferplus(data_dir: Path, split: str) -> FaceSet:
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
            y, x = r * _FERPLUS_SIDE, c * _FERPLUS_SIDE
            face = sheets[name][y : y + _FERPLUS_SIDE, x : x + _FERPLUS_SIDE]
            if face.shape != (_FERPLUS_SIDE, _FERPLUS_SIDE):
                raise UserError(f"{table}, line {line}: no face at row {r}, column {c} of {name}")
            images.append(face)
    if not images:
        raise UserError(f"{table}: holds no faces")
    votes = np.array(counts, np.float32)
    cleaned = np.where(votes <= 1, 0, votes)[:, : len(EMOTIONS)]
    # Where every vote is a single one, the noise rule would leave nothing.
    soft = np.where(cleaned.sum(1, keepdims=True) > 0, cleaned, votes[:, : len(EMOTIONS)])
    return FaceSet(f"ferplus/{split}", images, soft, ferplus_majority(votes), _FERPLUS_SIDE)


def _folder(data_dir: Path, split: str) -> FaceSet:
    """`<split>/<class>/*`, also `val` for `valid` and names such as `0_neutral`."""
    names = (split, "val") if split == "valid" else (split,)
    root = next((data_dir / n for n in names if (data_dir / n).is_dir()), None)
    if root is None:
        raise UserError(f"{data_dir / split}: no such folder; expected {split}/<class>/ pictures")
    images: list[NDArray[np.uint8]] = []
    labels: list[int] = []
    for folder in sorted(p for p in root.iterdir() if p.is_dir()):
        name = folder.name.lower().split("_", 1)[-1]
        if name not in EMOTIONS:
            raise UserError(f"{folder}: unknown class; the classes are {', '.join(EMOTIONS)}")
        for file in sorted(p for p in folder.iterdir() if p.is_file()):
            picture = cv2.imread(str(file), cv2.IMREAD_COLOR)
            if picture is not None:
                images.append(np.asarray(picture, np.uint8))
                labels.append(EMOTIONS.index(name))
    if not images:
        raise UserError(f"{root}: holds no readable pictures")
    majority = np.array(labels, np.int64)
    votes = np.eye(len(EMOTIONS), dtype=np.float32)[majority]
    return FaceSet(f"{data_dir.name}/{split}", images, votes, majority)


def _read_grey(path: Path) -> NDArray[np.uint8]:
    picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if picture is None:
        raise UserError(f"{path}: missing or not a picture")
    return np.asarray(picture, np.uint8)

"""RAF-DB (Li et al. 2017): the basic and the compound part, as downloaded."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from runtime.errors import UserError
from runtime.manifest import EMOTIONS
from train.datasets.faces import FaceSet, single_labels
from train.datasets.notes import say
from train.datasets.pictures import load_pictures
from train.datasets.tables import inside, malformed, read_lines

_BASIC = {
    "1": ("surprise",),
    "2": ("fear",),
    "3": ("disgust",),
    "4": ("happiness",),
    "5": ("sadness",),
    "6": ("anger",),
    "7": ("neutral",),
}
_COMPOUND = {
    "1": ("happiness", "surprise"),
    "2": ("happiness", "disgust"),
    "3": ("sadness", "fear"),
    "4": ("sadness", "anger"),
    "5": ("sadness", "surprise"),
    "6": ("sadness", "disgust"),
    "7": ("fear", "anger"),
    "8": ("fear", "surprise"),
    "9": ("anger", "surprise"),
    "10": ("anger", "disgust"),
    "11": ("disgust", "surprise"),
}


def read_rafdb(data_dir: Path, split: str) -> FaceSet:
    """Reads the basic part: seven emotions, one a face.

    There is no validation part: `valid` is the test part too, and said so.
    """
    root = _root(data_dir, "basic")
    part, listed = _read_list(root, split, "rafdb", _BASIC)
    labels = tuple(label for label in EMOTIONS if (label,) in _BASIC.values())
    images, kept = load_pictures(part, [file for file, _ in listed])
    classes = [labels.index(listed[i][1][0]) for i in kept]
    return single_labels(part, labels, images, classes, images.side)


def read_rafdb_compound(data_dir: Path, split: str) -> FaceSet:
    """Reads the compound part: two of six emotions a face, half a vote for each.

    With two equal votes no face has a majority, so the set can train with soft
    votes and be scored by likelihood, but it counts for no accuracy.
    """
    root = _root(data_dir, "compound")
    part, listed = _read_list(root, split, "rafdb_compound", _COMPOUND)
    labels = tuple(label for label in EMOTIONS if any(label in two for two in _COMPOUND.values()))
    images, kept = load_pictures(part, [file for file, _ in listed])
    votes = np.zeros((len(kept), len(labels)), np.float32)
    for row, index in enumerate(kept):
        votes[row, [labels.index(emotion) for emotion in listed[index][1]]] = 0.5
    majority = np.full(len(kept), -1, np.int64)
    return FaceSet(part, labels, images, votes, majority, images.side, soft=True)


def _root(data_dir: Path, part: str) -> Path:
    """Finds the part's folder, given itself or the download's root."""
    for root in (data_dir / part, data_dir):
        if (root / "EmoLabel").is_dir():
            return root
    raise UserError(f"--data_dir {data_dir} must hold {part}/EmoLabel or EmoLabel (RAF-DB)")


def _read_list(
    root: Path, split: str, dataset: str, classes: Mapping[str, tuple[str, ...]]
) -> tuple[str, list[tuple[Path, tuple[str, ...]]]]:
    """Gives the split's name as published, and its (picture, emotions)."""
    # Spelt so in the download.
    table = root / "EmoLabel" / "list_patition_label.txt"
    if not table.is_file():
        raise UserError(f"{table}: not found; is RAF-DB's EmoLabel extracted?")
    aligned = root / "Image" / "aligned"
    if not aligned.is_dir():
        archive = aligned.with_suffix(".zip")
        how = f"extract {archive}" if archive.is_file() else "the aligned pictures are needed"
        raise UserError(f"{aligned}: no such folder; {how}")
    part = "train" if split == "train" else "test"
    listed: list[tuple[Path, tuple[str, ...]]] = []
    numbers: set[str] = set()
    for line, text in read_lines(table):
        cells = text.split()
        if len(cells) != 2 or not cells[0].startswith(("train_", "test_")):
            raise malformed(table, line, "expected a name such as train_00001.jpg and a number")
        name, number = cells
        if number not in classes:
            raise UserError(
                f"{table}, line {line}: unknown class {number!r}; --dataset {dataset} has 1 to "
                f"{len(classes)}" + _other(dataset)
            )
        numbers.add(number)
        if name.startswith(f"{part}_"):
            try:
                file = inside(aligned, name)
            except ValueError as error:
                raise malformed(table, line, error) from error
            listed.append((file.with_name(f"{file.stem}_aligned.jpg"), classes[number]))
    if not listed:
        raise UserError(f"{table}: lists no {part} faces")
    # The basic part's numbers would pass for compound ones.
    if classes is _COMPOUND and numbers <= _BASIC.keys():
        raise UserError(f"{table}: has no class above 7; is it the basic part?" + _other(dataset))
    if split == "valid":
        say(
            f"{dataset}: has no validation part, the test part stands in for it: a choice made "
            "by it (the best epoch, too) makes the test figures look better than they are"
        )
    return f"{dataset}/{part}", listed


def _other(dataset: str) -> str:
    other = "rafdb" if dataset == "rafdb_compound" else "rafdb_compound"
    return f" (--dataset {other} reads the other part)"

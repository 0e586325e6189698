"""AffectNet (Mollahosseini et al. 2017): the annotated-files layout and the csv layout."""

from __future__ import annotations

import io
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from runtime.errors import UserError
from runtime.manifest import EMOTIONS
from runtime.vision.boxes import Box
from train.datasets.faces import FaceSet, single_labels
from train.datasets.notes import say_skipped
from train.datasets.pictures import MISSING, is_picture, load_pictures
from train.datasets.tables import inside, malformed, read_columns
from train.progress import show_progress

#: AffectNet's numbers 0 to 7.
_NUMBERS = (
    "neutral",
    "happiness",
    "sadness",
    "surprise",
    "fear",
    "disgust",
    "anger",
    "contempt",
)
#: 8, 9 and 10 are none, uncertain and no face.
_LAST = 10

#: The csv's columns as published; validation.csv came without a header.
_COLUMNS = (
    "subDirectory_filePath",
    "face_x",
    "face_y",
    "face_width",
    "face_height",
    "facial_landmarks",
    "expression",
    "valence",
    "arousal",
)
_LISTS = ("", "Manually_Annotated_file_lists", "Manually_Annotated")
_PICTURES = (
    "Manually_Annotated_Images",
    "Manually_Annotated/Manually_Annotated_Images",
    "Manually_Annotated_compressed/Manually_Annotated_Images",
    "Manually_Annotated",
    "images",
    "",
)


@dataclass
class _Listed:
    """Faces that a split lists, and those left out by reason.

    Attributes:
        files: Pictures.
        emotions: Their labels.
        boxes: Their face boxes, in the csv layout.
        total: All faces listed.
        skipped: Reason -> count and first example.
    """

    files: list[Path] = field(default_factory=list)
    emotions: list[str] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)
    total: int = 0
    skipped: dict[str, tuple[int, str]] = field(default_factory=dict)

    def skip(self, why: str, example: Path) -> None:
        count, first = self.skipped.get(why, (0, str(example)))
        self.skipped[why] = (count + 1, first)


def read_affectnet(data_dir: Path, split: str) -> FaceSet:
    """Reads the eight emotions."""
    return _read(data_dir, split, "affectnet", EMOTIONS)


def read_affectnet7(data_dir: Path, split: str) -> FaceSet:
    """Reads all emotions but contempt, as much of the literature has it."""
    return _read(data_dir, split, "affectnet7", EMOTIONS[:-1])


def _read(data_dir: Path, split: str, dataset: str, labels: tuple[str, ...]) -> FaceSet:
    if split == "test":
        raise UserError(f"{dataset}: no test part is published; use --split valid")
    name = f"{dataset}/{split}"
    root = data_dir / {"train": "train_set", "valid": "val_set"}[split]
    file = {"train": "training.csv", "valid": "validation.csv"}[split]
    table = next((p for p in (data_dir / d / file for d in _LISTS) if p.is_file()), None)
    if root.is_dir():
        listed = _read_annotations(name, root, labels)
    elif table is not None:
        listed = _read_table(data_dir, table, labels)
    else:
        raise UserError(
            f"--data_dir {data_dir} must hold {root.name}/images and {root.name}/annotations, "
            f"or {file} and Manually_Annotated_Images (AffectNet)"
        )
    for why, (count, example) in listed.skipped.items():
        say_skipped(name, count, listed.total, why, example)
    if not listed.files:
        raise UserError(f"{name}: none of {listed.total} faces has one of {', '.join(labels)}")
    images, kept = load_pictures(name, listed.files, listed.boxes or None)
    classes = [labels.index(listed.emotions[i]) for i in kept]
    return single_labels(name, labels, images, classes, images.side)


def _read_annotations(name: str, root: Path, labels: tuple[str, ...]) -> _Listed:
    """Reads `images/<id>.jpg` with `annotations/<id>_exp.npy`."""
    pictures, annotations = root / "images", root / "annotations"
    for folder in (pictures, annotations):
        if not folder.is_dir():
            raise UserError(f"{folder}: no such folder; is AffectNet fully extracted?")
    names = (entry for entry in os.listdir(pictures) if is_picture(Path(entry)))
    there = {os.path.splitext(entry)[0]: entry for entry in names}
    listed = _Listed()
    for path in show_progress(_labels(annotations), f"{name}, labels"):
        listed.total += 1
        number = _read_number(path)
        key = path.name.removesuffix("_exp.npy")
        # A picture that isn't there is counted with the others, later.
        file = pictures / there.pop(key, f"{key}.jpg")
        if _wanted(listed, number, labels, path):
            listed.files.append(file)
    if not listed.total:
        raise UserError(f"{annotations}: holds no *_exp.npy; is AffectNet fully extracted?")
    listed.total += len(there)
    if len(there) > MISSING * listed.total:
        raise UserError(
            f"{name}: {len(there)} of {listed.total} pictures have no label, such as "
            f"{pictures / min(there.values())}; is {annotations} fully extracted?"
        )
    for entry in sorted(there.values()):
        listed.skip("pictures without a label", pictures / entry)
    return listed


def _labels(annotations: Path) -> Iterator[Path]:
    names = (entry for entry in os.listdir(annotations) if entry.endswith("_exp.npy"))
    # By number, as published, and the same on every machine.
    for entry in sorted(names, key=lambda name: (len(name), name)):
        yield annotations / entry


def _read_number(path: Path) -> int | None:
    """Reads a label file, a string or a scalar; gives None where it can't be read."""
    try:
        with path.open("rb") as stream:
            # A label takes some 130 bytes; a header may claim to be followed by terabytes.
            data = io.BytesIO(stream.read(4096))
        array = np.lib.format.read_array(data, allow_pickle=False)
        value = array.reshape(-1)[0] if array.size == 1 else None
        number = float(value.decode() if isinstance(value, bytes) else value)  # type: ignore
        return int(number) if number in range(_LAST + 1) else None
    except Exception:
        # NumPy's header parser lets out whatever a broken file leads it to.
        return None


def _read_table(data_dir: Path, table: Path, labels: tuple[str, ...]) -> _Listed:
    """Reads a list with `subDirectory_filePath` and a face box, to be cut out."""
    listed = _Listed()
    names: list[Path] = []
    wanted = (*_COLUMNS[:5], "expression")
    for line, cells in read_columns(table, wanted, _COLUMNS):
        listed.total += 1
        try:
            name, number = inside(Path(), cells[0]), int(cells[5])
        except ValueError as error:
            raise malformed(table, line, error) from error
        if not 0 <= number <= _LAST:
            raise UserError(f"{table}, line {line}: unknown class {number}; known are 0 to {_LAST}")
        box = _box(cells[1:5])
        if number < len(_NUMBERS) and box is None:
            listed.skip("no face box", name)
        elif _wanted(listed, number, labels, name) and box is not None:
            names.append(name)
            listed.boxes.append(box)
    roots = [data_dir / folder for folder in _PICTURES]
    # The folder that holds the first pictures; some of them may be missing.
    found = (root for root in roots if any(os.path.isfile(root / n) for n in names[:50]))
    root = next(found, roots[0])
    listed.files = [root / name for name in names]
    return listed


def _wanted(listed: _Listed, number: int | None, labels: tuple[str, ...], example: Path) -> bool:
    """Takes a face's label, or counts why not."""
    if number is None:
        listed.skip("unreadable labels", example)
    elif number >= len(_NUMBERS):
        listed.skip("labelled none, uncertain or no face", example)
    elif _NUMBERS[number] not in labels:
        listed.skip(f"labelled {_NUMBERS[number]}", example)
    else:
        listed.emotions.append(_NUMBERS[number])
        return True
    return False


def _box(cells: list[str]) -> Box | None:
    """Gives corners from x, y, width and height; None where they are NULL or -1."""
    try:
        x, y, width, height = map(float, cells)
    except ValueError:
        return None
    corners = (x, y, x + width, y + height)
    fits = width > 0 and height > 0 and all(map(math.isfinite, corners))
    return corners if fits else None

"""A plain folder of pictures: `train|valid|test/<class>/`."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from runtime.errors import UserError
from runtime.manifest import EMOTIONS
from train.datasets.faces import FaceSet, single_labels


def read_folder(data_dir: Path, split: str) -> FaceSet:
    """`<split>/<class>/*`, also `val` for `valid` and names such as `0_neutral`."""
    names = (split, "val") if split == "valid" else (split,)
    root = next((data_dir / n for n in names if (data_dir / n).is_dir()), None)
    if root is None:
        raise UserError(f"{data_dir / split}: no such folder; expected {split}/<class>/ pictures")
    images: list[NDArray[np.uint8]] = []
    shown: list[str] = []
    for folder in sorted(p for p in root.iterdir() if p.is_dir()):
        name = folder.name.lower().split("_", 1)[-1]
        if name not in EMOTIONS:
            raise UserError(f"{folder}: unknown class; the classes are {', '.join(EMOTIONS)}")
        for file in sorted(p for p in folder.iterdir() if p.is_file()):
            picture = cv2.imread(str(file), cv2.IMREAD_COLOR)
            if picture is not None:
                images.append(np.asarray(picture, np.uint8))
                shown.append(name)
    labels = tuple(label for label in EMOTIONS if label in shown)
    classes = [labels.index(name) for name in shown]
    return single_labels(f"{data_dir.name}/{split}", labels, images, classes)

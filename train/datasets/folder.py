"""A plain folder of pictures: `train|valid|test/<class>/`."""

from __future__ import annotations

import re
from pathlib import Path

from runtime.errors import UserError
from runtime.manifest import EMOTIONS
from train.datasets.faces import FaceSet, single_labels
from train.datasets.notes import say
from train.datasets.pictures import is_picture, load_pictures

_SYNONYMS = {
    "happy": "happiness",
    "sad": "sadness",
    "angry": "anger",
    "surprised": "surprise",
    "fearful": "fear",
    "afraid": "fear",
    "scared": "fear",
    "disgusted": "disgust",
    "contemptuous": "contempt",
}
_VALID = ("valid", "val", "validation")


def read_folder(data_dir: Path, split: str) -> FaceSet:
    """Reads `<split>/<class>/*`, also `val` for `valid` and names such as `0_neutral`."""
    name = f"{data_dir.resolve().name}/{split}"
    folders = {path.name.lower(): path for path in _folders(data_dir)}
    names = _VALID if split == "valid" else (split,)
    root = next((folders[n] for n in names if n in folders), None)
    if root is None:
        raise UserError(f"{data_dir / split}: no such folder; expected {split}/<class>/ pictures")
    files: list[Path] = []
    emotions: list[str] = []
    loose = [path for path in sorted(root.iterdir()) if path.is_file() and is_picture(path)]
    if loose:
        say(f"{name}: passed over {len(loose)} pictures in no class's folder; first: {loose[0]}")
    others: list[Path] = []
    for folder in _folders(root):
        emotion = _emotion(folder)
        found = _files(folder)
        pictures = [path for path in found if is_picture(path)]
        others += (path for path in found if not is_picture(path))
        if not pictures:
            say(f"{name}: {folder} holds no pictures: left out")
        files += pictures
        emotions += [emotion] * len(pictures)
    if others:
        say(f"{name}: passed over {len(others)} files that are no pictures; the first: {others[0]}")
    images, kept = load_pictures(name, files)
    shown = [emotions[i] for i in kept]
    for emotion in sorted(set(emotions) - set(shown)):
        say(f"{name}: {emotion} has no readable picture: left out")
    labels = tuple(label for label in EMOTIONS if label in shown)
    return single_labels(name, labels, images, [labels.index(e) for e in shown], images.side)


def _folders(root: Path) -> list[Path]:
    """Lists folders in order, without hidden ones and what archives leave behind."""
    return sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith((".", "__")))


def _files(folder: Path) -> list[Path]:
    """Lists files of a class in order, those in folders of its own (one a person, say) as well."""
    files = [path for path in folder.iterdir() if path.is_file()]
    return sorted(files) + [path for inner in _folders(folder) for path in _files(inner)]


def _emotion(folder: Path) -> str:
    """Gives the class that a folder's name stands for."""
    name = re.sub(r"^\d+[_\- ]+", "", folder.name.strip().lower())
    name = _SYNONYMS.get(name, name)
    if name not in EMOTIONS:
        raise UserError(f"{folder}: unknown class; the classes are {', '.join(EMOTIONS)}")
    return name

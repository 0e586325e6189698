"""The data sets by their names, and the reading of one of their splits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from runtime.errors import UserError
from train.datasets.affectnet import read_affectnet, read_affectnet7
from train.datasets.faces import FaceSet
from train.datasets.ferplus import read_ferplus
from train.datasets.folder import read_folder
from train.datasets.rafdb import read_rafdb, read_rafdb_compound

_READERS: dict[str, Callable[[Path, str], FaceSet]] = {
    "ferplus": read_ferplus,
    "rafdb": read_rafdb,
    "rafdb_compound": read_rafdb_compound,
    "affectnet": read_affectnet,
    "affectnet7": read_affectnet7,
    "folder": read_folder,
}
DATASETS = tuple(_READERS)
SPLITS = ("train", "valid", "test")


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
    if dataset not in _READERS:
        raise UserError(f"--dataset must be one of {', '.join(DATASETS)}, not {dataset!r}")
    try:
        return _READERS[dataset](data_dir, split)
    except OSError as error:
        raise UserError(f"{error.filename or data_dir}: {error.strerror or error}") from error

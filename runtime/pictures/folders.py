"""Folders of pictures, and what a list of paths names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from runtime.errors import SourceError
from runtime.pictures.kinds import SUFFIXES


def list_pictures(folder: Path) -> list[Path]:
    """Pictures of a folder by name.

    Raises:
        SourceError: There is none, or the folder can't be read.
    """
    try:
        files = sorted(p for p in folder.iterdir() if p.is_file() and p.suffix.lower() in SUFFIXES)
    except OSError as error:
        raise SourceError(f"{folder}: {error.strerror}") from error
    if not files:
        raise SourceError(f"{folder}: no picture in this folder ({', '.join(sorted(SUFFIXES))})")
    return files


def collect_pictures(paths: Sequence[str | Path]) -> list[Path]:
    """The pictures that paths name: files as they are, folders opened.

    Raises:
        SourceError: A folder has none, or can't be read.
    """
    files: list[Path] = []
    for path in map(Path, paths):
        files += list_pictures(path) if path.is_dir() else [path]
    return files

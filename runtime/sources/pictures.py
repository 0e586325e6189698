"""Pictures, and folders of them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from runtime.errors import SourceError

log = logging.getLogger(__name__)

PICTURES = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm"}

#: Pictures a second of a folder: so slow that no label carries over to the next.
_FOLDER_FPS = 0.5


def list_pictures(folder: Path) -> list[Path]:
    """Pictures of a folder by name.

    Raises:
        SourceError: There is none, or the folder can't be read.
    """
    try:
        files = sorted(p for p in folder.iterdir() if p.is_file() and p.suffix.lower() in PICTURES)
    except OSError as error:
        raise SourceError(f"{folder}: {error.strerror}") from error
    if not files:
        raise SourceError(f"{folder}: no picture in this folder ({', '.join(sorted(PICTURES))})")
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


def read_picture(path: Path) -> NDArray[np.uint8]:
    """A picture file as (H, W, 3) uint8 BGR, turned as its EXIF tag says.

    Grey, 16-bit and transparent pictures are converted.

    Raises:
        SourceError: It is missing, no picture, or too large to decode.
    """
    if not path.is_file():
        raise SourceError(f"{path}: no such file")
    try:
        data = np.fromfile(path, np.uint8)
        image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    except (cv2.error, MemoryError) as error:
        raise SourceError(f"{path}: too large or broken") from error
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}") from error
    if image is None:
        raise SourceError(f"{path}: not a picture that OpenCV can read")
    return np.asarray(image, np.uint8)


class PictureSource:
    """Pictures one by one, two seconds each; unreadable ones are skipped with a word."""

    live = False
    fps = _FOLDER_FPS

    def __init__(self, files: list[Path], name: str) -> None:
        self.name = name
        self._files = iter(files)
        self._index = 0

    def read(self) -> tuple[NDArray[np.uint8], float, str] | None:
        """See `Source.read`."""
        for file in self._files:
            try:
                image = read_picture(file)
            except SourceError as error:
                log.warning("skipped: %s", error)
                continue
            self._index += 1
            return image, (self._index - 1) / self.fps, str(file)
        if not self._index:
            raise SourceError(f"{self.name}: none of its pictures can be read")
        return None

    def close(self) -> None:
        """Holds nothing."""

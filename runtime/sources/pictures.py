"""Pictures, and folders of them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from runtime.errors import SourceError
from runtime.messages import Frame
from runtime.sources.decoders.picture_header import is_animation, picture_size
from runtime.support.files.reading import read_input_file
from runtime.vision.opencv_log import quiet_opencv
from runtime.vision.picture import Picture

log = logging.getLogger(__name__)

PICTURES = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm"}

#: What is read, in words.
_KINDS = "JPEG, PNG, WebP, BMP, TIFF, PNM or GIF"

#: Largest picture file in bytes, and largest picture in pixels: cameras of 108 million
#: pixels pass. Decoding takes 6 to 9 bytes a pixel besides the file, of animations 12.
MAX_FILE, MAX_PIXELS, MAX_ANIMATION = 400 << 20, 120_000_000, 30_000_000

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


def read_picture(path: Path, grey: bool = False) -> NDArray[np.uint8]:
    """A picture file as (H, W, 3) uint8 BGR, turned as its EXIF tag says.

    Grey, 16-bit and transparent pictures are converted. Of an animation or of several
    pages it is the first.

    Args:
        path: The file.
        grey: Read as (H, W) instead.

    Raises:
        SourceError: It is missing, no file, no picture, or larger than `MAX_FILE` or
            `MAX_PIXELS`.
    """
    try:
        data = read_input_file(path, MAX_FILE)
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}") from error
    size = picture_size(data)
    if size is None:
        raise SourceError(f"{path}: not a picture that can be read ({_KINDS})")
    most = MAX_ANIMATION if is_animation(data) else MAX_PIXELS
    if size[0] * size[1] > most:
        raise SourceError(
            f"{path}: too large ({size[0]}x{size[1]} pixels, more than "
            f"{most // 1_000_000} million); reduce it"
        )
    try:
        flag = cv2.IMREAD_GRAYSCALE if grey else cv2.IMREAD_COLOR
        with quiet_opencv():
            image = cv2.imdecode(np.frombuffer(data, np.uint8), flag)
    except (cv2.error, MemoryError) as error:
        raise SourceError(f"{path}: broken, or too large for this machine's memory") from error
    if image is None:
        raise SourceError(f"{path}: not a picture that can be read, or cut short")
    return np.asarray(image, np.uint8)


class PictureSource:
    """Pictures one by one, two seconds each; unreadable ones are skipped, which is logged."""

    live = False
    fps = _FOLDER_FPS

    def __init__(self, files: list[Path], name: str) -> None:
        self.name = name
        self._files = iter(files)
        self._index = 0

    def read(self) -> Frame | None:
        """See `Source.read`."""
        for file in self._files:
            try:
                image = read_picture(file)
            except SourceError as error:
                log.warning("skipped: %s", error)
                continue
            self._index += 1
            time_s, step_s = (self._index - 1) / self.fps, 1 / self.fps
            return Frame(Picture(image), time_s, name=str(file), duration_s=step_s)
        if not self._index:
            raise SourceError(f"{self.name}: none of its pictures can be read")
        return None

    def interrupt(self) -> None:
        """Never waits for long."""

    def close(self) -> None:
        """Holds nothing."""

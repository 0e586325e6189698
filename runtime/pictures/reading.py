"""A picture file, or its bytes, as pixels: the one reader of still pictures."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from runtime.errors import SourceError
from runtime.pictures.frames import frame_count
from runtime.pictures.header import is_animation, picture_size
from runtime.pictures.heic import decode_heic
from runtime.pictures.heif import heif_brand, read_heif
from runtime.pictures.kinds import WORDS
from runtime.pictures.orientation import orientation, turned
from runtime.pictures.tiff import tiff_pages
from runtime.support.files.reading import read_input_file
from runtime.support.redaction import printable
from runtime.vision.opencv_log import quiet_opencv
from runtime.vision.preprocess import to_bgr

log = logging.getLogger(__name__)

#: Largest picture file in bytes, and largest picture in pixels: cameras of 108 million
#: pixels pass. Decoding takes 6 to 9 bytes a pixel besides the file, of animations 12.
MAX_FILE, MAX_PIXELS, MAX_ANIMATION = 400 << 20, 120_000_000, 30_000_000


def read_picture(path: Path, grey: bool = False) -> NDArray[np.uint8]:
    """A picture file as `decode_picture` gives it.

    Args:
        path: The file.
        grey: Read as (H, W) instead.

    Raises:
        SourceError: It is missing, no file, larger than `MAX_FILE`, or as `decode_picture`.
    """
    name = printable(str(path))
    try:
        data = read_input_file(path, MAX_FILE)
    except OSError as error:
        raise SourceError(f"{name}: {error.strerror}") from error
    return decode_picture(data, name, grey)


def decode_picture(data: bytes, name: str, grey: bool = False) -> NDArray[np.uint8]:
    """The bytes of a picture file as (H, W, 3) uint8 BGR, turned as its EXIF tag says.

    Grey, 16-bit, float and transparent pictures are converted. Of an animation or of several
    pages it is the first.

    Args:
        data: The whole file.
        name: What messages call it; printable.
        grey: Decode as (H, W) instead.

    Raises:
        SourceError: It is no picture, broken, or larger than `MAX_PIXELS`.
    """
    size = picture_size(data)
    if size is None:
        raise SourceError(f"{name}: not a picture that can be read ({WORDS})")
    deep = _is_deep(data)
    check_pixels(size, name, MAX_ANIMATION if deep or is_animation(data) else MAX_PIXELS)
    frames = frame_count(data)
    if frames > 1:
        log.info("%s: the first of its %d frames or pages is read", name, frames)
    brand = heif_brand(data)
    if brand == "HEIC":
        image = decode_heic(data, name)
        return _grey(image) if grey else image
    header = read_heif(data) if brand else None
    tag = orientation(data)
    flag = cv2.IMREAD_GRAYSCALE if grey else cv2.IMREAD_COLOR
    if deep:  # OpenCV converts none of these
        flag = cv2.IMREAD_UNCHANGED
    elif data.startswith((b"II", b"MM")):
        flag |= cv2.IMREAD_ANYDEPTH  # else signed numbers come out dark
    if not header or header.turns:
        flag |= cv2.IMREAD_IGNORE_ORIENTATION
    try:
        with quiet_opencv():
            decoded = cv2.imdecode(np.frombuffer(data, np.uint8), flag)
            if decoded is None:
                raise SourceError(f"{name}: not a picture that can be read, or cut short")
            image = _to_8_bit(decoded)
            if deep:
                image = (
                    _grey(image) if grey else to_bgr(image if image.ndim == 2 else image[..., :3])
                )
    except (cv2.error, MemoryError) as error:
        raise SourceError(f"{name}: broken, or too large for this machine's memory") from error
    for turn, number in header.turns if header else ():
        image = np.rot90(image, number) if turn == "rot" else np.flip(image, number)
    return turned(image, tag)


def check_pixels(size: tuple[int, int], name: str, most: int) -> None:
    """Refuses a picture of too many pixels.

    Raises:
        SourceError: It has more than `most`.
    """
    if size[0] * size[1] > most:
        raise SourceError(
            f"{name}: too large ({size[0]}x{size[1]} pixels, more than "
            f"{most // 1_000_000} million); reduce it"
        )


def _is_deep(data: bytes) -> bool:
    """Whether it is a TIFF file of numbers of 32 bits or more."""
    page = next(tiff_pages(data), None) if data.startswith((b"II", b"MM")) else None
    return page is not None and page.bits > 16


def _to_8_bit(image: NDArray[Any]) -> NDArray[np.uint8]:
    """Deep pixels scaled by the largest value that their kind of picture may have."""
    if image.dtype == np.uint8:
        return image
    if image.dtype.kind == "f":
        np.nan_to_num(image, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
        high = float(image.max(initial=0))
        # A float picture is in [0, 1], with highlights a little above, or has whole numbers.
        top = next((top for top in (1.0, 255.0, 65535.0) if high <= 4 * top), high)
        image = image.astype(np.float32, copy=False)
    else:
        top = float(np.iinfo(image.dtype).max)
    if image.dtype.kind == "u" and image.dtype.itemsize > 2:
        image = (image >> 16).astype(np.uint16)
        top = 65535.0
    if image.dtype.kind != "u":
        np.maximum(image, 0, out=image)
    return np.asarray(cv2.convertScaleAbs(image, alpha=255 / top), np.uint8)


def _grey(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    if image.ndim == 2:
        return image
    return np.asarray(cv2.cvtColor(image[..., :3], cv2.COLOR_BGR2GRAY), np.uint8)

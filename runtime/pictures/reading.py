"""A picture file, or its bytes, as pixels: the one reader of still pictures."""

from __future__ import annotations

import logging
from collections.abc import Callable
from itertools import islice
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
    flag = cv2.IMREAD_GRAYSCALE if grey else cv2.IMREAD_COLOR
    if data.startswith((b"II", b"MM")):
        # Else signed numbers come out dark; longer ones are not converted at all.
        flag = cv2.IMREAD_UNCHANGED if deep else flag | cv2.IMREAD_ANYDEPTH
    header = read_heif(data)
    if not header or header.turns:  # what AVIF says in EXIF alone is left to OpenCV
        flag |= cv2.IMREAD_IGNORE_ORIENTATION
    image = _decode(lambda: cv2.imdecode(np.frombuffer(data, np.uint8), flag), name)
    if deep:
        image = _grey(image) if grey else to_bgr(image if image.ndim == 2 else image[..., :3])
    return upright(image, data)


def decode_page(data: bytes, name: str, number: int) -> NDArray[np.uint8]:
    """A page of a TIFF file as `decode_picture` gives the first.

    Args:
        data: The whole file.
        name: What messages call it; printable.
        number: The page, from 0.

    Raises:
        SourceError: As `decode_picture`.
    """
    page = next(islice(tiff_pages(data), number, None))
    deep = page.bits > 16
    check_pixels(page.size, name, MAX_ANIMATION if deep else MAX_PIXELS)
    flag = (cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH) if not deep else cv2.IMREAD_UNCHANGED
    flag |= cv2.IMREAD_IGNORE_ORIENTATION  # else OpenCV fails on a picture on its side

    def decode() -> NDArray[Any] | None:
        pages = (number, number + 1)
        _, images = cv2.imdecodemulti(np.frombuffer(data, np.uint8), flag, range=pages)
        return images[0] if images else None

    image = _decode(decode, name)
    return to_bgr(image[..., :3]) if deep and image.ndim == 3 else to_bgr(image)


def upright(image: NDArray[np.uint8], data: bytes) -> NDArray[np.uint8]:
    """A picture turned as its file says that it is seen.

    Args:
        image: (H, W) or (H, W, 3), as stored.
        data: The whole file.
    """
    header = read_heif(data)
    for turn, number in header.turns if header else ():
        image = np.rot90(image, number) if turn == "rot" else np.flip(image, number)
    return turned(image, orientation(data))


def _decode(decode: Callable[[], NDArray[Any] | None], name: str) -> NDArray[np.uint8]:
    try:
        with quiet_opencv():
            decoded = decode()
            if decoded is None:
                raise SourceError(f"{name}: not a picture that can be read, or cut short")
            return _to_8_bit(decoded)
    except (cv2.error, MemoryError) as error:
        raise SourceError(f"{name}: broken, or too large for this machine's memory") from error


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

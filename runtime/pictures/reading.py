"""A picture file, or its bytes, as pixels: the one reader of still pictures."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from runtime.errors import SourceError
from runtime.pictures.header import is_animation, picture_size
from runtime.pictures.kinds import WORDS
from runtime.support.files.reading import read_input_file
from runtime.support.redaction import printable
from runtime.vision.opencv_log import quiet_opencv

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

    Grey, 16-bit and transparent pictures are converted. Of an animation or of several
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
    most = MAX_ANIMATION if is_animation(data) else MAX_PIXELS
    if size[0] * size[1] > most:
        raise SourceError(
            f"{name}: too large ({size[0]}x{size[1]} pixels, more than "
            f"{most // 1_000_000} million); reduce it"
        )
    try:
        flag = cv2.IMREAD_GRAYSCALE if grey else cv2.IMREAD_COLOR
        with quiet_opencv():
            image = cv2.imdecode(np.frombuffer(data, np.uint8), flag)
    except (cv2.error, MemoryError) as error:
        raise SourceError(f"{name}: broken, or too large for this machine's memory") from error
    if image is None:
        raise SourceError(f"{name}: not a picture that can be read, or cut short")
    return np.asarray(image, np.uint8)

"""All the frames of an animated picture, and all the pages of a file of several."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from runtime.errors import SourceError
from runtime.pictures.frames import tiff_page_numbers
from runtime.pictures.header import picture_size
from runtime.pictures.reading import MAX_ANIMATION, check_pixels, decode_page, upright
from runtime.vision.opencv_log import quiet_opencv

#: Bytes of frames that are decoded at a time, and most frames.
_CHUNK_BYTES, _CHUNK = 128 << 20, 256

#: How long a frame stays that names no time, or next to none, in seconds: as browsers do.
_USUAL_S, _SHORTEST_S = 0.1, 0.011


def animation_frames(data: bytes, name: str) -> Iterator[tuple[NDArray[np.uint8], float]]:
    """The frames of an animated WebP or AVIF picture, with their times.

    Args:
        data: The whole file.
        name: What messages call it; printable.

    Yields:
        (H, W, 3) uint8 BGR, and the time at which it is shown, in seconds.

    Raises:
        SourceError: It is broken from the start, or too large.
    """
    width, height = picture_size(data) or (0, 0)
    check_pixels((width, height), name, MAX_ANIMATION)
    at_once = min(_CHUNK, max(1, _CHUNK_BYTES // max(1, width * height * 4)))
    buffer, start, time_s = np.frombuffer(data, np.uint8), 0, 0.0
    while True:
        try:
            with quiet_opencv():
                good, animation = cv2.imdecodeanimation(buffer, start=start, count=at_once)
        except (cv2.error, MemoryError) as error:
            raise SourceError(f"{name}: broken, or too large for this machine's memory") from error
        frames = animation.frames if good else ()
        if not frames and not start:
            raise SourceError(f"{name}: not a picture that can be read, or cut short")
        for image, hold_ms in zip(frames, animation.durations, strict=False):
            if image.ndim == 2:
                image = np.repeat(image[:, :, None], 3, axis=2)
            yield upright(np.ascontiguousarray(image[:, :, :3], np.uint8), data), time_s
            hold_s = float(hold_ms) / 1000
            time_s += hold_s if hold_s >= _SHORTEST_S else _USUAL_S
        start += len(frames)
        if len(frames) < at_once:
            return


def pages(data: bytes, name: str) -> Iterator[NDArray[np.uint8]]:
    """The pages of a TIFF file, each (H, W, 3) uint8 BGR.

    Args:
        data: The whole file.
        name: What messages call it; printable.

    Raises:
        SourceError: One is broken or too large.
    """
    for number in tiff_page_numbers(data):
        yield decode_page(data, f"{name}, page {number + 1}", number)

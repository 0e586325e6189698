"""Pictures turned by quarters and mirrored, as containers and users ask for it."""

from __future__ import annotations

import math
import struct

import cv2
import numpy as np
from numpy.typing import NDArray

#: How a picture is turned: quarter turns clockwise, 0 to 3, and whether left and right
#: change places after them. Every turning and mirroring comes down to one of these eight.
Turn = tuple[int, bool]

UPRIGHT: Turn = (0, False)

#: What `cv2.rotate` and `cv2.flip` call them.
_ROTATE = {1: cv2.ROTATE_90_CLOCKWISE, 2: cv2.ROTATE_180, 3: cv2.ROTATE_90_COUNTERCLOCKWISE}
_FLIP = {0: 1, 2: 0}


def turn_of_matrix(data: bytes) -> Turn:
    """The turn that a display matrix asks for, to the next quarter.

    Args:
        data: Nine numbers of 32 bits, of which a pixel at (x, y) comes to
            (a x + c y, b x + d y); see FFmpeg's `libavutil/display.h`.
    """
    if len(data) < 36:
        return UPRIGHT
    a, b, _, c, d = struct.unpack("=9i", data[:36])[:5]
    mirrored = a * d - b * c < 0
    # Without the mirror, the first column says where the right side comes to.
    angle = math.atan2(b, -a if mirrored else a)
    return round(angle / (math.pi / 2)) % 4, mirrored


def composed(first: Turn, rotate: int, flip: str | None) -> Turn:
    """One turn in place of another with a rotation and a mirroring after it.

    Args:
        first: The other.
        rotate: Degrees clockwise: 0, 90, 180 or 270.
        flip: `horizontal` (left and right change places), `vertical` or None.
    """
    quarters, mirrored = first
    # Behind a mirror a turn goes the other way round.
    quarters += -rotate // 90 if mirrored else rotate // 90
    if flip is not None:
        mirrored = not mirrored
        quarters += 2 * (flip == "vertical")
    return quarters % 4, mirrored


def turned(image: NDArray[np.uint8], turn: Turn) -> NDArray[np.uint8]:
    """A picture turned; itself where nothing is asked for.

    Args:
        image: (H, W) or (H, W, C) uint8.
        turn: How.
    """
    quarters, mirrored = turn
    if not mirrored:
        done = image if not quarters else cv2.rotate(image, _ROTATE[quarters])
    elif quarters in _FLIP:
        done = cv2.flip(image, _FLIP[quarters])
    else:
        done = cv2.transpose(image)
        if quarters == 3:
            done = cv2.flip(done, -1, done)
    return np.asarray(done, np.uint8)

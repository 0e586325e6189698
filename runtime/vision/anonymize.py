"""Faces made unrecognizable, in a copy of the frame."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from runtime.messages import FrameResult
from runtime.vision.boxes import Box

#: Detector's score from which something is covered. In four clips of real people,
#: CenterFace at 320 pixels has 90 of 109 faces from 0.4 on, and from 0.2 on all
#: 109 and 14 places more; a mistake costs a bit of background.
COVER_SCORE = 0.2

#: How long frames of files wait for faces that are found later, in seconds.
LOOK_AHEAD_S = 1.0

#: How far the covered place reaches beyond the box on each side, as a share of
#: its sides: hair, ears and chin, and what moved since the detection.
MARGIN = 0.25

#: Mosaic cells across the covered place: five or six across the face itself.
_CELLS = 8

#: Smallest side of a cell in pixels.
_MIN_CELL = 4.0

#: Pixels across a cell while it is blurred.
_FINE = 4

#: Most places that are covered one by one; where there are more, the whole picture is.
_MOST = 256


def anonymize(result: FrameResult) -> FrameResult:
    """The same result on a picture whose faces are covered.

    Covers the faces, also those that the detector missed in this frame and
    whose place is predicted, and everything else that may be a face
    (`FrameResult.regions`). A face that the detector never found stays.

    Args:
        result: A frame's result; its picture is left alone.

    Returns:
        A copy with a new picture.
    """
    boxes = [*(face.box for face in result.faces), *result.regions]
    return replace(result, image=cover(result.image, boxes))


def cover(image: NDArray[np.uint8], boxes: Iterable[Box]) -> NDArray[np.uint8]:
    """A copy of the picture with boxes pixelated and blurred.

    What is inside a cell is averaged away for good; the blur on top hides the
    cells' edges. Where a box is no place, or there are very many, the whole
    picture is covered.

    Args:
        image: (H, W, 3) uint8.
        boxes: (x1, y1, x2, y2) in pixels; may reach outside.
    """
    out: NDArray[np.uint8] = image.copy()
    height, width = image.shape[:2]
    for x1, y1, x2, y2 in _outermost(boxes, (0.0, 0.0, float(width), float(height))):
        more_x, more_y = (x2 - x1) * MARGIN, (y2 - y1) * MARGIN
        # Of the whole place, not of what is in the picture: the rest of a face
        # that is partly outside must not get finer cells.
        cell_x = max((x2 - x1 + 2 * more_x) / _CELLS, _MIN_CELL)
        cell_y = max((y2 - y1 + 2 * more_y) / _CELLS, _MIN_CELL)
        left, right = (int(np.clip(v, 0, width)) for v in (x1 - more_x, np.ceil(x2 + more_x)))
        top, bottom = (int(np.clip(v, 0, height)) for v in (y1 - more_y, np.ceil(y2 + more_y)))
        if right <= left or bottom <= top:
            continue
        size = (right - left, bottom - top)
        cells = (max(1, int(size[0] / cell_x)), max(1, int(size[1] / cell_y)))
        place = cv2.resize(out[top:bottom, left:right], cells, interpolation=cv2.INTER_AREA)
        # Blurred while small: at full size that takes 20 ms for a near face.
        fine = (cells[0] * _FINE, cells[1] * _FINE)
        place = cv2.resize(place, fine, interpolation=cv2.INTER_NEAREST)
        place = cv2.GaussianBlur(place, (0, 0), _FINE / 2)
        out[top:bottom, left:right] = cv2.resize(place, size, interpolation=cv2.INTER_LINEAR)
    return out


def _outermost(boxes: Iterable[Box], whole: Box) -> list[Box]:
    """The boxes that lie in no other: the cover of one also holds those of all within."""
    rows = np.array(list(dict.fromkeys(boxes)), np.float64).reshape(-1, 4)
    if len(rows) > 8 * _MOST:
        return [whole]
    # By area: a box lies in none that is smaller.
    rows = rows[np.argsort(-np.prod(rows[:, 2:] - rows[:, :2], axis=1), kind="stable")]
    kept = np.empty((0, 4))
    for row in rows:
        if not (np.isfinite(row).all() and len(kept) < _MOST):
            return [whole]
        if not ((kept[:, :2] <= row[:2]) & (kept[:, 2:] >= row[2:])).all(axis=1).any():
            kept = np.vstack([kept, row])
    return [(x1, y1, x2, y2) for x1, y1, x2, y2 in kept.tolist()]

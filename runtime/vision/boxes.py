"""Boxes in pixels, and what they have in common."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Box = tuple[float, float, float, float]  # x1, y1, x2, y2 in pixels


#: Longest way that is swept box by box, in sides; of a longer one, one box holds it all.
_LONGEST = 8.0


def iou_matrix(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Intersection over union of every pair of boxes.

    Args:
        a: (N, 4) boxes, x1, y1, x2, y2.
        b: (M, 4) boxes.

    Returns:
        (N, M) in [0, 1].
    """
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    overlap = np.prod(np.clip(high - low, 0, None), axis=2)
    area_a = np.prod(np.clip(a[:, 2:] - a[:, :2], 0, None), axis=1)
    area_b = np.prod(np.clip(b[:, 2:] - b[:, :2], 0, None), axis=1)
    union = area_a[:, None] + area_b[None] - overlap
    iou: NDArray[np.float64] = np.divide(
        overlap, union, out=np.zeros_like(overlap), where=union > 0
    )
    return iou


def within_picture(box: Box, width: int, height: int) -> Box | None:
    """What of a box is inside the picture.

    Args:
        box: May reach outside.
        width: Of the picture in pixels.
        height: The same.

    Returns:
        None where that is less than a pixel wide or high.
    """
    x1, y1, x2, y2 = box
    x1, y1, x2, y2 = max(x1, 0.0), max(y1, 0.0), min(x2, float(width)), min(y2, float(height))
    # A box that is no place compares as false.
    return (x1, y1, x2, y2) if x2 - x1 >= 1 and y2 - y1 >= 1 else None


def sweep(start: Box, end: Box) -> list[Box]:
    """Boxes on the way from one to another, at most half a side apart, with both ends."""
    far = max(
        abs(b - a) / max(start[2 + i % 2] - start[i % 2], 1e-9)
        for i, (a, b) in enumerate(zip(start, end, strict=True))
    )
    if not far <= _LONGEST:
        low, high = np.minimum(start, end).tolist(), np.maximum(start, end).tolist()
        return [(low[0], low[1], high[2], high[3])]
    steps = max(1, math.ceil(2 * far))
    rows = np.linspace(start, end, steps + 1) if far else np.array([start])
    return [(x1, y1, x2, y2) for x1, y1, x2, y2 in rows.tolist()]

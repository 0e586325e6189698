"""How well each detection fits each track."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from runtime.vision.boxes import iou_matrix


def affinity(
    predicted: NDArray[np.float64],
    boxes: NDArray[np.float64],
    reach: NDArray[np.float64],
    min_iou: float,
) -> NDArray[np.float64]:
    """(N, M): 1 + IoU where boxes overlap; less for a near box of like size; 0 for no match.

    The second form lets a face that moved by most of its width between two
    frames keep its track; `reach`, (N,), is how many sides off it may be.
    """
    iou = iou_matrix(predicted, boxes)
    size_p = np.sqrt(np.prod(np.clip(predicted[:, 2:] - predicted[:, :2], 1, None), axis=1))
    size_b = np.sqrt(np.prod(np.clip(boxes[:, 2:] - boxes[:, :2], 1, None), axis=1))
    mean_size = (size_p[:, None] + size_b[None]) / 2
    centre_p = (predicted[:, :2] + predicted[:, 2:]) / 2
    centre_b = (boxes[:, :2] + boxes[:, 2:]) / 2
    distance = np.linalg.norm(centre_p[:, None] - centre_b[None], axis=2) / mean_size
    ratio = np.minimum(size_p[:, None], size_b[None]) / np.maximum(size_p[:, None], size_b[None])
    distance = distance / reach[:, None]
    near = np.where((distance < 1.0) & (ratio > 0.6), 1.0 - distance, 0.0)
    return np.where(iou >= min_iou, 1.0 + iou, near)

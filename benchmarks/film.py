"""A still face as a film: what a camera and a detector would make of it."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

Face = NDArray[np.uint8]


def film(face: Face, count: int, fps: float, noise: float, rng: np.random.Generator) -> list[Face]:
    """A still face as a camera and a detector would give it.

    Drift of place, scale and roll are random walks pulled back to the middle
    (about 3% of the side, 3% and 4 degrees); the light flickers by 5% and
    drifts by 15%; now and then the head moves, and the picture smears.

    Args:
        face: (H, W) uint8.
        count: Number of frames.
        fps: Frames a second.
        noise: Standard deviation of the sensor's noise, of 255.
        rng: Source of every draw.
    """
    side = face.shape[0]
    pull = math.exp(-1 / (0.5 * fps))
    walk, scale = np.zeros(5), np.array([0.03 * side, 0.03 * side, 0.03, 4.0, 0.15])
    smear = 0.0
    frames = []
    for _ in range(count):
        walk = pull * walk + math.sqrt(1 - pull**2) * rng.standard_normal(5)
        x, y, zoom, roll, light = walk * scale + rng.normal(0, (0.3, 0.3, 0.01, 0.5, 0.05), 5)
        matrix = cv2.getRotationMatrix2D(((side - 1) / 2, (side - 1) / 2), roll, 1 + zoom)
        matrix[:, 2] += x, y
        view = cv2.warpAffine(face, matrix, (side, side), borderMode=cv2.BORDER_REPLICATE)
        if rng.random() < 0.5 / fps:
            smear = rng.uniform(0.03, 0.1) * side
        if smear > 0.5:
            view = cv2.blur(view, (max(1, round(smear)), 1))
        smear *= 0.8
        noisy = view * (1 + light) + rng.normal(0, noise, view.shape)
        frames.append(np.asarray(noisy.clip(0, 255).round(), np.uint8))
    return frames

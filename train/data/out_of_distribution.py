"""Out-of-distribution samples: pictures without a face, which teach a network uncertainty.

Told to give every class the same on such pictures, it learns to be uncertain
of others of their kind that it never saw (outlier exposure, Hendrycks et al. 2019,
arXiv:1812.04606).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

Face = NDArray[np.uint8]


def make_out_of_distribution(face: Face, rng: np.random.Generator) -> Face:
    """Makes a picture of the face's shape that shows no face.

    Args:
        face: (H, W) or (H, W, 3) uint8; left as it is.
        rng: Source of every draw.

    Returns:
        The same shape and dtype.
    """
    kind = _KINDS[int(rng.integers(len(_KINDS)))]
    return np.ascontiguousarray(kind(face, rng))


def _patch(face: Face, rng: np.random.Generator) -> Face:
    """Enlarges a small part of the face: cheek, hair, collar, wall."""
    height, width = face.shape[:2]
    side = max(2, round(rng.uniform(0.12, 0.33) * min(height, width)))
    y, x = int(rng.integers(height - side + 1)), int(rng.integers(width - side + 1))
    part = face[y : y + side, x : x + side]
    return _bytes(cv2.resize(part, (width, height), interpolation=cv2.INTER_LINEAR))


def _jigsaw(face: Face, rng: np.random.Generator) -> Face:
    """Shuffles and turns the face's tiles, 3 x 3 or 4 x 4."""
    count = int(rng.integers(3, 5))
    height, width = (max(1, length // count) for length in face.shape[:2])
    result: Face = face.copy()
    for place, tile in enumerate(rng.permutation(count * count)):
        (row, column), (y, x) = divmod(place, count), divmod(int(tile), count)
        part = face[y * height : (y + 1) * height, x * width : (x + 1) * width]
        if height == width:
            part = np.rot90(part, int(rng.integers(4)))
        result[row * height : (row + 1) * height, column * width : (column + 1) * width] = part
    return result


def _leaves(face: Face, rng: np.random.Generator) -> Face:
    """Draws overlapping shapes of every size (dead leaves, Lee, Mumford and Huang 2001).

    Their edges and sizes are those of natural pictures; networks learn to see
    from them (Baradad et al. 2021, arXiv:2106.05963).
    """
    height, width = face.shape[:2]
    grid = np.full((64, 64), rng.integers(256), np.uint8)
    for _ in range(int(rng.integers(3, 120))):
        radius = 2.0 * 16 ** rng.random()
        centre = rng.uniform(0, 64, 2)
        corners = int(rng.integers(3, 9))
        angles = np.sort(rng.uniform(0, 2 * math.pi, corners))
        ring = centre + radius * np.column_stack([np.cos(angles), np.sin(angles)])
        shade = int(rng.integers(256))
        cv2.fillPoly(grid, [ring.round().astype(np.int32)], shade)
    if rng.random() < 0.5:
        grid = _bytes(cv2.GaussianBlur(grid, (0, 0), rng.uniform(0.5, 3)))
    return _spread(grid, height, width, face.ndim)


def _clouds(face: Face, rng: np.random.Generator) -> Face:
    """Draws noise whose amplitude falls with a power of the frequency, from sand to fog."""
    height, width = face.shape[:2]
    waves = np.hypot(np.fft.fftfreq(64)[:, None], np.fft.rfftfreq(64)[None, :])
    waves[0, 0] = 1.0
    spectrum = np.fft.rfft2(rng.standard_normal((64, 64))) * waves ** -rng.uniform(0, 2.5)
    field = np.fft.irfft2(spectrum, (64, 64))
    field = (field - field.mean()) / max(float(field.std()), 1e-9)
    levels = rng.uniform(40, 215) + rng.uniform(3, 70) * field
    return _spread(levels.clip(0, 255).astype(np.uint8), height, width, face.ndim)


def _spread(grid: Face, height: int, width: int, ndim: int) -> Face:
    """Brings (G, G) to the size and the channels of the face."""
    grid = _bytes(cv2.resize(grid, (width, height), interpolation=cv2.INTER_AREA))
    return grid if ndim == 2 else np.repeat(grid[:, :, None], 3, 2)


def _bytes(image: NDArray[np.generic]) -> Face:
    return np.asarray(image, np.uint8)


_KINDS: tuple[Callable[[Face, np.random.Generator], Face], ...] = (
    _patch,
    _jigsaw,
    _leaves,
    _clouds,
)

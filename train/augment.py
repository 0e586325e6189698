"""What a webcam does to a face, as random changes before `runtime.preprocess`."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Face = NDArray[np.uint8]


@dataclass(frozen=True)
class AugmentOptions:
    """Strengths; 0 turns one off.

    Attributes:
        rotate: Largest roll in degrees.
        shift: Largest shift as a fraction of the side (a detector's jitter).
        zoom: Largest relative change of scale.
        shear: Largest shear in degrees.
        light: Largest relative change of brightness and contrast.
        blur: Probability of a soft face (small or out of focus).
        noise: Probability of sensor noise.
        erase: Probability of a hidden patch (random erasing, Zhong et al. 2020).
    """

    rotate: float = 15.0
    shift: float = 0.08
    zoom: float = 0.12
    shear: float = 5.0
    light: float = 0.3
    blur: float = 0.15
    noise: float = 0.2
    erase: float = 0.25


class Augment:
    """Random flip, framing, light, softness, noise and occlusion of a face.

    OpenCV on bytes: torchvision's transforms took 1 ms a face, a fifth of the
    training step at 64 pixels; this takes a tenth of that.
    """

    def __init__(self, options: AugmentOptions) -> None:
        self._options = options

    def __call__(self, face: Face, rng: np.random.Generator) -> Face:
        """Changes a face.

        Args:
            face: (H, W) or (H, W, 3) uint8; left as it is.
            rng: Source of every draw.

        Returns:
            The same shape and dtype, contiguous.
        """
        o = self._options
        face = self._frame(face, rng)
        if o.light:
            face = self._light(face, rng)
        if rng.random() < o.blur:
            face = _bytes(cv2.GaussianBlur(face, (5, 5), rng.uniform(0.4, 1.6)))
        if rng.random() < o.noise:
            sigma = rng.uniform(0, 12)
            grain = rng.standard_normal(face.shape, np.float32) * np.float32(sigma)
            face = (face + grain).clip(0, 255).astype(np.uint8)
        if rng.random() < o.erase:
            face = _hide(face, rng)
        return np.ascontiguousarray(face)

    def _frame(self, face: Face, rng: np.random.Generator) -> Face:
        """Flip, roll, shear, scale and shift in one resampling."""
        o = self._options
        height, width = face.shape[:2]
        if rng.random() < 0.5:
            face = face[:, ::-1]
        angle = math.radians(rng.uniform(-o.rotate, o.rotate))
        scale = rng.uniform(1 - o.zoom, 1 + o.zoom)
        slant = math.tan(math.radians(rng.uniform(-o.shear, o.shear)))
        cos, sin = scale * math.cos(angle), scale * math.sin(angle)
        linear = np.array([[cos, -sin], [sin, cos]]) @ np.array([[1.0, slant], [0.0, 1.0]])
        centre = np.array([(width - 1) / 2, (height - 1) / 2])
        jitter = rng.uniform(-o.shift, o.shift, 2) * (width, height)
        matrix = np.column_stack([linear, centre - linear @ centre + jitter])
        # Replicated borders: the device's crop repeats the picture's edge too.
        return _bytes(
            cv2.warpAffine(
                np.ascontiguousarray(face),
                matrix,
                (width, height),
                flags=cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_REPLICATE,
            )
        )

    def _light(self, face: Face, rng: np.random.Generator) -> Face:
        """Brightness times a factor, then contrast about the mean."""
        limit = self._options.light
        bright, contrast = rng.uniform(1 - limit, 1 + limit, 2)
        levels = np.arange(256) * bright
        middle = min(float(face.mean()) * bright, 255.0)
        table = (levels.clip(0, 255) - middle) * contrast + middle
        return _bytes(cv2.LUT(face, table.round().clip(0, 255).astype(np.uint8)))


def _hide(face: Face, rng: np.random.Generator) -> Face:
    """A black rectangle of 3 to 20% of the face."""
    height, width = face.shape[:2]
    area = rng.uniform(0.03, 0.2) * height * width
    ratio = math.exp(rng.uniform(math.log(0.3), math.log(3.3)))
    h = min(height, max(1, round(math.sqrt(area * ratio))))
    w = min(width, max(1, round(math.sqrt(area / ratio))))
    y, x = int(rng.integers(height - h + 1)), int(rng.integers(width - w + 1))
    face[y : y + h, x : x + w] = 0
    return face


def _bytes(image: NDArray[np.generic]) -> Face:
    return np.asarray(image, np.uint8)

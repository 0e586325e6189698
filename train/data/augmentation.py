"""What a webcam does to a face, as random changes before `runtime.vision.preprocess`."""

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
        blur: Probability of a soft face (out of focus).
        noise: Probability of sensor noise.
        low_resolution: Probability of a face from far away.
        erase: Probability of a hidden patch (random erasing, Zhong et al. 2020).
    """

    rotate: float = 15.0
    shift: float = 0.08
    zoom: float = 0.12
    shear: float = 5.0
    light: float = 0.3
    blur: float = 0.15
    noise: float = 0.2
    low_resolution: float = 0.0
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
        if o.low_resolution and rng.random() < o.low_resolution:
            face = _shrink(face, rng)
        if rng.random() < o.blur:
            # As a part of the side: 48-pixel faces get 0.4 to 2.2 pixels.
            sigma = rng.uniform(0.008, 0.046) * min(face.shape[:2])
            face = _bytes(cv2.GaussianBlur(face, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE))
        if rng.random() < o.noise:
            face = _grain(face, rng)
        if rng.random() < o.erase:
            face = _hide(face, rng)
        return np.ascontiguousarray(face)

    def _frame(self, face: Face, rng: np.random.Generator) -> Face:
        """Flips, rolls, shears, scales and shifts in one resampling."""
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
        """Multiplies brightness, then changes the contrast about the mean."""
        limit = self._options.light
        bright, contrast = rng.uniform(1 - limit, 1 + limit, 2)
        levels = np.arange(256) * bright
        middle = min(float(face.mean()) * bright, 255.0)
        table = (levels.clip(0, 255) - middle) * contrast + middle
        return _bytes(cv2.LUT(face, table.round().clip(0, 255).astype(np.uint8)))


def _shrink(face: Face, rng: np.random.Generator) -> Face:
    """Shrinks the face to 12 to 36 pixels from side to side, and enlarges it again."""
    height, width = face.shape[:2]
    side = min(round(12 * 3 ** rng.random()), height, width)
    small = cv2.resize(face, (side, side), interpolation=cv2.INTER_AREA)
    return _bytes(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR))


def _grain(face: Face, rng: np.random.Generator) -> Face:
    """Adds a sensor's noise of up to a quarter of the range; weak noise is more common.

    Of each colour's own or, as after grey conversion, of light alone; its grain
    is 1/48 of the side at the finest, since a pixel's own noise in a large
    picture is gone at the network's size.
    """
    height, width = face.shape[:2]
    sigma = np.float32(64 * rng.random() ** 2)
    grid = (min(height, 48), min(width, 48))
    shape = grid if face.ndim == 2 or rng.random() < 0.5 else (*grid, 3)
    noise = rng.standard_normal(shape, np.float32) * sigma
    noise = np.asarray(cv2.resize(noise, (width, height), interpolation=cv2.INTER_NEAREST))
    if face.ndim == 3 and noise.ndim == 2:
        noise = noise[:, :, None]
    return _bytes((face + noise).round().clip(0, 255).astype(np.uint8))


def _hide(face: Face, rng: np.random.Generator) -> Face:
    """Hides 3 to 20% of the face behind a plain rectangle of any shade."""
    height, width = face.shape[:2]
    area = rng.uniform(0.03, 0.2) * height * width
    ratio = math.exp(rng.uniform(math.log(0.3), math.log(3.3)))
    h = min(height, max(1, round(math.sqrt(area * ratio))))
    w = min(width, max(1, round(math.sqrt(area / ratio))))
    y, x = int(rng.integers(height - h + 1)), int(rng.integers(width - w + 1))
    face[y : y + h, x : x + w] = int(rng.integers(0, 256))
    return face


def _bytes(image: NDArray[np.generic]) -> Face:
    return np.asarray(image, np.uint8)

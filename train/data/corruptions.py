"""Named ways to spoil a face, each at five strengths.

After Hendrycks & Dietterich 2019, "Benchmarking Neural Network Robustness to
Common Corruptions and Perturbations", with what happens to faces on a device.
Strengths follow the face and not its pixels (a blur is a fraction of the
side), so that faces cut at 48 and at 224 pixels are spoiled alike.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from train.datasets.faces import FaceSet

Face = NDArray[np.uint8]
Corruption = Callable[[Face, int, np.random.Generator], Face]

STRENGTHS = (1, 2, 3, 4, 5)

#: Side of the grid that noise and JPEG blocks are laid on, in cells a face.
_GRAIN, _ENCODED = 48, 96


def blur(face: Face, strength: int, rng: np.random.Generator) -> Face:
    """Blurs as if out of focus: a Gaussian of 1 to 6% of the side."""
    sigma = (0.01, 0.02, 0.03, 0.045, 0.06)[strength - 1] * _side(face)
    return _bytes(cv2.GaussianBlur(face, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE))


def noise(face: Face, strength: int, rng: np.random.Generator) -> Face:
    """Adds a sensor's noise: Gaussian, as ImageNet-C's in size, its grain 1/48 of the side.

    Of light alone: noise of each colour's own would fade in a grey model's mean.
    """
    sigma = 255 * (0.08, 0.12, 0.18, 0.26, 0.38)[strength - 1]
    grid = min(_GRAIN, _side(face))
    grain = rng.normal(0, 1, (grid, grid)).astype(np.float32)
    height, width = face.shape[:2]
    grain = np.asarray(cv2.resize(grain, (width, height), interpolation=cv2.INTER_NEAREST))
    return _rounded(face + sigma * (grain if face.ndim == 2 else grain[:, :, None]))


def dark(face: Face, strength: int, rng: np.random.Generator) -> Face:
    """Underexposes by 1 to 5 stops: half the light each, gamma 2.2, rounded to bytes."""
    return _rounded(face * np.float32(2 ** (-strength / 2.2)))


def jpeg(face: Face, strength: int, rng: np.random.Generator) -> Face:
    """Encodes as JPEG of quality 40 to 5, at 96 pixels (blocks are 1/12 of the side)."""
    quality = (40, 25, 15, 10, 5)[strength - 1]
    scaled = _resized(face, _ENCODED, _ENCODED)
    _, data = cv2.imencode(".jpg", scaled, [cv2.IMWRITE_JPEG_QUALITY, quality])
    flag = cv2.IMREAD_GRAYSCALE if face.ndim == 2 else cv2.IMREAD_COLOR
    # Only what JPEG did goes back: scaling there and back would blur as well.
    damage = np.asarray(cv2.imdecode(data, flag), np.float32) - scaled
    height, width = face.shape[:2]
    shrinks = height <= _ENCODED and width <= _ENCODED
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return _rounded(face + cv2.resize(damage, (width, height), interpolation=method))


def low_resolution(face: Face, strength: int, rng: np.random.Generator) -> Face:
    """Moves the face far away: 32 to 10 pixels from side to side, whatever its own."""
    side = min((32, 24, 18, 14, 10)[strength - 1], _side(face))
    return _resized(_resized(face, side, side), *face.shape[:2])


def occlusion(face: Face, strength: int, rng: np.random.Generator) -> Face:
    """Hides 5 to 40% of the face behind a grey square (DeVries & Taylor 2017, "Cutout")."""
    share = (0.05, 0.1, 0.2, 0.3, 0.4)[strength - 1]
    across, down, shade = rng.random(), rng.random(), int(rng.integers(0, 256))
    height, width = face.shape[:2]
    high = max(1, round(height * math.sqrt(share)))
    wide = max(1, round(width * math.sqrt(share)))
    top, left = round(down * (height - high)), round(across * (width - wide))
    result: Face = face.copy()
    result[top : top + high, left : left + wide] = shade
    return result


def rotation(face: Face, strength: int, rng: np.random.Generator) -> Face:
    """Tilts the head by 6 to 30 degrees to either side; the border is repeated."""
    angle = 6 * strength * (1 if rng.random() < 0.5 else -1)
    height, width = face.shape[:2]
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle, 1.0)
    return _bytes(cv2.warpAffine(face, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE))


CORRUPTIONS: dict[str, Corruption] = {
    "blur": blur,
    "noise": noise,
    "dark": dark,
    "jpeg": jpeg,
    "low_resolution": low_resolution,
    "occlusion": occlusion,
    "rotation": rotation,
}


def corrupt(face: Face, name: str, strength: int, seed: int, place: int) -> Face:
    """Spoils one face; the same arguments give the same pixels.

    The draws don't depend on the strength, so a square stays where it is
    and grows.

    Args:
        face: (H, W) grey or (H, W, 3) BGR uint8.
        name: One of `CORRUPTIONS`.
        strength: 1 to 5.
        seed: Seed of the run.
        place: The face's place in its split.

    Returns:
        uint8 of the face's shape.
    """
    rng = np.random.default_rng((seed, zlib.crc32(name.encode()), place))
    return CORRUPTIONS[name](face, strength, rng)


def corrupt_faces(
    faces: FaceSet, name: str, strength: int, seed: int, places: NDArray[np.int64]
) -> FaceSet:
    """Spoils a set of N faces, each when it is asked for; `places` is (N,)."""
    return replace(faces, images=_Corrupted(faces.images, name, strength, seed, places))


class _Corrupted(Sequence):  # type: ignore[type-arg]
    def __init__(
        self,
        images: Sequence[Face],
        name: str,
        strength: int,
        seed: int,
        places: NDArray[np.int64],
    ) -> None:
        self._images, self._name, self._strength = images, name, strength
        self._seed, self._places = seed, places

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        place = int(self._places[index])
        return corrupt(self._images[index], self._name, self._strength, self._seed, place)


def _side(face: Face) -> int:
    return int(max(face.shape[:2]))


def _resized(face: Face, height: int, width: int) -> Face:
    if face.shape[:2] == (height, width):
        return face
    shrinks = height <= face.shape[0] and width <= face.shape[1]
    flag = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return _bytes(cv2.resize(face, (width, height), interpolation=flag))


def _rounded(values: NDArray[np.floating]) -> Face:
    result: Face = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return result


def _bytes(image: object) -> Face:
    return np.asarray(image, np.uint8)

"""The one reference path from a picture and a face box to a network input.

Training, validation, calibration and the device all call these functions, so
that a model sees on the device what it saw in training.
"""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from runtime.manifest import Preprocess
from runtime.vision.boxes import Box

Image = NDArray[Any]  # (H, W) or (H, W, C), BGR order, uint8 unless said otherwise


#: Largest side of a crop that is copied, in pixels (113 MB): more than a face that fills a
#: frame of 4K.
MAX_CROP = 6144

#: Side of a crop that would be larger, in pixels: the largest that a network takes.
_REDUCED = 1024


def to_bgr(image: Image) -> NDArray[np.uint8]:
    """Any decoded picture as 8-bit BGR.

    Args:
        image: (H, W), (H, W, 1), (H, W, 3) BGR or (H, W, 4) BGRA; uint8, uint16
            or floating point in [0, 1].

    Returns:
        (H, W, 3) uint8; the input itself when it is that already. Transparent
        pixels are laid over black.

    Raises:
        ValueError: Another shape or dtype, or no pixels.
    """
    if image.ndim not in (2, 3) or image.size == 0:
        raise ValueError(f"a picture must be (H, W) or (H, W, C) with pixels, not {image.shape}")
    if image.dtype == np.uint16:
        image = (image >> 8).astype(np.uint8)
    elif np.issubdtype(image.dtype, np.floating):
        image = np.clip(np.nan_to_num(image) * 255.0 + 0.5, 0, 255).astype(np.uint8)
    elif image.dtype != np.uint8:
        raise ValueError(f"a picture must be uint8, uint16 or float, not {image.dtype}")
    channels = 1 if image.ndim == 2 else image.shape[2]
    if channels == 1:
        return _bytes(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR))
    if channels == 4:
        alpha = image[:, :, 3:].astype(np.uint16)
        return ((image[:, :, :3] * alpha + 127) // 255).astype(np.uint8)
    if channels != 3:
        raise ValueError(f"a picture must have 1, 3 or 4 channels, not {channels}")
    return _bytes(image)


def crop_square(box: Box, spec: Preprocess) -> tuple[float, float, float]:
    """The square that frames a face as the training faces are framed.

    Args:
        box: Face box (x1, y1, x2, y2) in pixels.
        spec: Margin and shift.

    Returns:
        Centre x, centre y and side of the square, in pixels.

    Raises:
        ValueError: The box is not finite.
    """
    x1, y1, x2, y2 = box
    if not (math.isfinite(x2 - x1) and math.isfinite(y2 - y1)):
        raise ValueError(f"a face's box must be finite, not {box}")
    side = max(x2 - x1, y2 - y1, 1.0) * spec.margin
    return (x1 + x2) / 2, (y1 + y2) / 2 + spec.shift * side, side


def crop_face(
    image: NDArray[np.uint8],
    box: Box,
    spec: Preprocess,
    landmarks: NDArray[np.float32] | None = None,
) -> NDArray[np.uint8]:
    """Cuts a face out of a picture at its own resolution.

    Pixels outside the picture repeat its border. A crop of more than `MAX_CROP` pixels a
    side that isn't simply a part of the picture is cut at the resolution of `_REDUCED`
    pixels a side: its size is only what the detector says, and no network takes more.

    Args:
        image: (H, W, 3) uint8 BGR.
        box: Face box (x1, y1, x2, y2) in pixels; may reach outside.
        spec: Margin, shift and alignment.
        landmarks: (5, 2) points, left eye first as seen in the picture; used
            when `spec.align` is `roll`.

    Returns:
        (S, S, 3) uint8 crop, S at least 1; it may share memory with `image`.

    Raises:
        ValueError: The box is not finite.
    """
    angle = None
    if spec.align == "roll" and landmarks is not None:
        (lx, ly), (rx, ry) = landmarks[0], landmarks[1]
        angle = math.degrees(math.atan2(ry - ly, rx - lx))
    return _cut(image, crop_square(box, spec), angle)


def _cut(
    image: NDArray[np.uint8], square: tuple[float, float, float], angle: float | None
) -> NDArray[np.uint8]:
    cx, cy, side = square
    size = max(1, round(side))
    if angle is not None:
        if size > MAX_CROP:
            return _cut(*_reduced(image, square), angle)
        matrix = cv2.getRotationMatrix2D((cx, cy), angle, 1.0)
        matrix[0, 2] += (size - 1) / 2 - cx
        matrix[1, 2] += (size - 1) / 2 - cy
        return _bytes(
            cv2.warpAffine(
                image, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
            )
        )
    x1, y1 = round(cx - side / 2), round(cy - side / 2)
    x2, y2 = x1 + size, y1 + size
    height, width = image.shape[:2]
    # A crop wholly outside the picture is pulled to its border.
    ix1, iy1 = min(max(x1, 0), width - 1), min(max(y1, 0), height - 1)
    ix2, iy2 = max(min(x2, width), ix1 + 1), max(min(y2, height), iy1 + 1)
    inner = image[iy1:iy2, ix1:ix2]
    top, left = min(max(iy1 - y1, 0), size - 1), min(max(ix1 - x1, 0), size - 1)
    bottom, right = size - top - (iy2 - iy1), size - left - (ix2 - ix1)
    if top or left or bottom > 0 or right > 0:
        if size > MAX_CROP:
            return _cut(*_reduced(image, square), angle)
        inner = _bytes(
            cv2.copyMakeBorder(
                inner, top, max(bottom, 0), left, max(right, 0), cv2.BORDER_REPLICATE
            )
        )
    return inner[:size, :size]


def _reduced(
    image: NDArray[np.uint8], square: tuple[float, float, float]
) -> tuple[NDArray[np.uint8], tuple[float, float, float]]:
    """The picture and a square of it, so much smaller that the square has `_REDUCED` pixels."""
    cx, cy, side = square
    scale = _REDUCED / side
    height, width = image.shape[:2]
    shape = (max(1, round(width * scale)), max(1, round(height * scale)))
    image = _bytes(cv2.resize(image, shape, interpolation=cv2.INTER_AREA))
    return image, (cx * scale, cy * scale, float(_REDUCED))


def cut_face(
    image: NDArray[np.uint8],
    box: Box,
    spec: Preprocess,
    landmarks: NDArray[np.float32] | None = None,
) -> NDArray[np.uint8]:
    """A face crop that is no larger than its network can use, to wait in a batch.

    `face_to_input` makes the same of it, bit by bit, as of what `crop_face` gives.

    Args:
        image: As `crop_face` takes it.
        box: As `crop_face` takes it.
        spec: Of the network.
        landmarks: As `crop_face` takes them.

    Returns:
        (S, S) grey or (S, S, 3) BGR uint8, S at most `spec.detail`, or `spec.size` without one.
    """
    face = crop_face(image, box, spec, landmarks)
    if spec.color == "gray":
        face = _bytes(cv2.cvtColor(face, cv2.COLOR_BGR2GRAY))
    most = spec.detail or spec.size
    return _resize(face, most) if len(face) > most else face


def face_to_input(
    face: NDArray[np.uint8], spec: Preprocess, out: NDArray[np.float32] | None = None
) -> NDArray[np.float32]:
    """A cropped face as the network's input.

    Shrinks by area averaging and enlarges linearly.

    Args:
        face: (H, W) grey or (H, W, 3) BGR uint8.
        spec: Size, colour, detail, mean and std.
        out: Optional (3, size, size) array that receives the result.

    Returns:
        (3, size, size) float32.
    """
    if spec.color == "gray" and face.ndim == 3:
        face = _bytes(cv2.cvtColor(face, cv2.COLOR_BGR2GRAY))
    elif spec.color == "rgb":
        code = cv2.COLOR_GRAY2RGB if face.ndim == 2 else cv2.COLOR_BGR2RGB
        face = _bytes(cv2.cvtColor(face, code))
    if spec.detail and max(face.shape[:2]) > spec.detail:
        face = _resize(face, spec.detail)
    face = _resize(face, spec.size)
    if out is None:
        out = np.empty((3, spec.size, spec.size), np.float32)
    for channel in range(3):
        scale = 1.0 / (255.0 * spec.std[channel])
        plane = face if face.ndim == 2 else face[:, :, channel]
        np.multiply(plane, np.float32(scale), out=out[channel], dtype=np.float32)
        out[channel] -= np.float32(spec.mean[channel] / spec.std[channel])
    return out


def _resize(face: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    height, width = face.shape[:2]
    if (height, width) == (size, size):
        return face
    shrinks = height >= size and width >= size
    flag = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return _bytes(cv2.resize(face, (size, size), interpolation=flag))


def _bytes(image: Any) -> NDArray[np.uint8]:
    """OpenCV's result with its real dtype, which its stubs leave open."""
    array: NDArray[np.uint8] = image
    return array

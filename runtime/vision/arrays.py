"""Callers' pictures in the forms that Python libraries give them -> 8-bit BGR."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime.vision.preprocess import to_bgr

#: How far a float picture may leave [0, 1]: resampling overshoots a little.
_OVERSHOOT = 0.05


def array_to_bgr(picture: Any) -> NDArray[np.uint8]:
    """A picture as (H, W, 3) uint8 BGR; the array itself where it is that already.

    Args:
        picture: (H, W) or (H, W, 1) grey, (H, W, 3) BGR or (H, W, 4) BGRA array of uint8, of
            uint16 that uses its whole range, or of floats in [0, 1]. Transparency is
            ignored, as in reading a file.

    Raises:
        TypeError: It is no such array; None says that a read failed.
        ValueError: It has another shape or no pixels, or floats outside [0, 1].
    """
    if picture is None:
        raise TypeError("the picture is None: reading it failed (cv2.imread gives None then)")
    if not isinstance(picture, np.ndarray):
        raise TypeError(
            "a picture must be a path, the bytes of a file, a NumPy array or a Pillow image, "
            f"not {type(picture).__name__}"
        )
    if picture.ndim not in (2, 3) or (picture.ndim == 3 and picture.shape[2] not in (1, 3, 4)):
        raise ValueError(
            f"a picture must be (H, W), (H, W, 3) or (H, W, 4), not {picture.shape}; "
            "predict_many takes several"
        )
    if not picture.size:
        raise ValueError(f"the picture has no pixels: {picture.shape}")
    if picture.dtype.kind == "f":
        picture = _of_floats(picture)
    elif picture.dtype.kind == "u" and picture.dtype.itemsize == 2:
        picture = picture.astype(np.uint16, copy=False)  # in this machine's byte order
    elif picture.dtype != np.uint8:
        raise TypeError(f"a picture must be uint8, uint16 or float, not {picture.dtype}")
    if picture.ndim == 3 and picture.shape[2] == 4:
        picture = picture[:, :, :3]
    return to_bgr(np.ascontiguousarray(picture))


def _of_floats(picture: NDArray[Any]) -> NDArray[np.uint8]:
    low, high = float(picture.min()), float(picture.max())
    # NaN fails both comparisons.
    if not (low >= -_OVERSHOOT and high <= 1 + _OVERSHOOT):
        raise ValueError(
            f"a picture of floats must lie in [0, 1], not in [{low:g}, {high:g}]; "
            "divide by its largest possible value"
        )
    scaled: NDArray[np.uint8] = np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8)
    return scaled

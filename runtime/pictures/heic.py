"""HEIC pictures, which an optional package decodes: its codecs are no small thing."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray

from runtime.errors import SourceError


def decode_heic(data: bytes, name: str) -> NDArray[np.uint8]:
    """A HEIC file as (H, W, 3) uint8 BGR, turned as its own boxes say.

    Args:
        data: The whole file, whose size was checked.
        name: What messages call it.

    Raises:
        SourceError: The package is missing, or the file is broken.
    """
    try:
        import pillow_heif
    except ImportError as error:
        raise SourceError(
            f"{name}: a HEIC picture needs pip install 'emotion-edge[heif]', or save it as JPEG"
        ) from error
    try:
        image = pillow_heif.open_heif(io.BytesIO(data), convert_hdr_to_8bit=True, bgr_mode=True)
        pixels = np.asarray(image)
    except Exception as error:  # it raises whatever its libraries do
        raise SourceError(f"{name}: broken, or a kind of HEIC that can't be read") from error
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[:, :, None], 3, axis=2)
    return np.ascontiguousarray(pixels[:, :, :3], np.uint8)

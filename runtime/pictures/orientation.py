"""How a picture is to be turned, by the EXIF data in its file.

OpenCV reads it of some kinds, not of animations nor of ImageMagick's PNG files, so it is
read here for all.
"""

from __future__ import annotations

import re
import struct
import zlib
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from runtime.pictures.header import jpeg_segments, png_chunks, riff_chunks

#: Most bytes of EXIF data, most entries of its directory, most segments of a JPEG.
_MOST_BYTES, _MOST = 1 << 20, 1000


def orientation(data: bytes) -> int:
    """The EXIF tag of the picture, 1 to 8; 1 where there is none, or none that is sound.

    Args:
        data: A JPEG, PNG or WebP file. Others have none here: OpenCV turns a TIFF file
            itself, and a HEIF file says it in boxes of its own.
    """
    try:
        if data.startswith(b"\xff\xd8"):
            exif = _of_jpeg(data)
        elif data.startswith(b"\x89PNG"):
            exif = _of_png(data)
        elif data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            exif = _of_webp(data)
        else:
            return 1
        return _tag(exif)
    except (struct.error, ValueError, IndexError, zlib.error):
        return 1


def turned(image: NDArray[np.uint8], tag: int) -> NDArray[np.uint8]:
    """A picture as its EXIF tag says that it is seen.

    Args:
        image: (H, W) or (H, W, 3), as stored.
        tag: 1 to 8.
    """
    if tag in (2, 3):
        image = image[:, ::-1]
    if tag in (3, 4):
        image = image[::-1]
    if tag >= 5:
        image = image.swapaxes(0, 1)
    if tag in (6, 7):
        image = image[:, ::-1]
    if tag in (7, 8):
        image = image[::-1]
    return np.ascontiguousarray(image)


def _of_jpeg(data: bytes) -> bytes:
    for marker, at in jpeg_segments(data, _MOST):
        if marker == 0xE1 and data[at + 2 : at + 8] == b"Exif\0\0":
            return data[at + 8 : at + struct.unpack_from(">H", data, at)[0]]
    return b""


def _of_png(data: bytes) -> bytes:
    raw = b""
    for kind, start, length in png_chunks(data):
        body = data[start : start + min(length, _MOST_BYTES)]
        if kind == b"eXIf":
            return body
        # As ImageMagick wrote it before that was a chunk.
        if kind == b"tEXt" and body.startswith(b"Raw profile type exif\0"):
            raw = body[22:]
        elif kind == b"zTXt" and body.startswith(b"Raw profile type exif\0\0"):
            raw = zlib.decompressobj().decompress(body[23:], 2 * _MOST_BYTES)
    return bytes.fromhex(raw.split(None, 2)[2].decode("ascii", "replace")) if raw else b""


def _of_webp(data: bytes) -> bytes:
    for kind, start, length in islice(riff_chunks(data), 100 * _MOST):
        if kind == b"EXIF":
            return data[start : start + min(length, _MOST_BYTES)]
    return b""


def _tag(exif: bytes) -> int:
    exif = exif.removeprefix(b"Exif\0\0")
    if not re.match(rb"II\x2a\0|MM\0\x2a", exif):
        return 1
    order = "<" if exif[:2] == b"II" else ">"
    (at,) = struct.unpack_from(order + "I", exif, 4)
    (count,) = struct.unpack_from(order + "H", exif, at)
    for number in range(min(count, _MOST)):
        tag, kind, _ = struct.unpack_from(order + "HHI", exif, at + 2 + 12 * number)
        if tag == 0x112:
            form = {1: "B", 3: "H", 4: "I"}.get(kind, "H")
            (value,) = struct.unpack_from(order + form, exif, at + 10 + 12 * number)
            return int(value) if 1 <= value <= 8 else 1
    return 1

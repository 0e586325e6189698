"""Picture files of many kinds, made in memory."""

import io
import struct
import zlib

from PIL import Image


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    """A picture as a file of a kind that Pillow knows."""
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk of a PNG file."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

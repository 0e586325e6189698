"""How many pictures a file holds: frames of an animation, pages of a document."""

from __future__ import annotations

import struct
from itertools import islice

from runtime.pictures.header import is_animation, png_chunks, riff_chunks
from runtime.pictures.heif import heif_brand, read_heif
from runtime.pictures.tiff import tiff_pages

#: More are not counted.
_MOST = 100_000


def frame_count(data: bytes) -> int:
    """Frames or pages of a picture file; 1 of a single picture and of what can't be told.

    Args:
        data: The whole file.
    """
    try:
        if data.startswith(b"GIF8"):
            count = _of_gif(data)
        elif data.startswith(b"\x89PNG"):
            count = _of_png(data)
        elif data[8:12] == b"WEBP":
            count = _of_webp(data)
        elif data.startswith((b"II", b"MM")):
            count = len(tiff_page_numbers(data))
        elif heif_brand(data):
            header = read_heif(data)
            count = header.frames if header else 1
        else:
            count = 1
    except (struct.error, ValueError, IndexError):
        count = 1
    return max(1, count)


def tiff_page_numbers(data: bytes) -> list[int]:
    """The numbers of a TIFF file's pages, from 0, without small copies of others.

    Raises:
        struct.error, ValueError: It is malformed.
    """
    return [number for number, page in enumerate(tiff_pages(data)) if not page.reduced]


def _of_gif(data: bytes) -> int:
    at, count = 13 + _colours(data[10]), 0
    while count < _MOST and at < len(data) and data[at] != 0x3B:
        if data[at] == 0x2C:
            count += 1
            at += 10 + _colours(data[at + 9]) + 1
        elif data[at] == 0x21:
            at += 2
        else:
            break
        while data[at]:  # blocks, each with its length
            at += 1 + data[at]
        at += 1
    return count


def _colours(flags: int) -> int:
    """Bytes of a table of colours."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _of_png(data: bytes) -> int:
    if is_animation(data):
        for kind, start, _ in png_chunks(data):
            if kind == b"acTL":
                return int.from_bytes(data[start : start + 4], "big")
    return 1


def _of_webp(data: bytes) -> int:
    frames = (1 for kind, *_ in riff_chunks(data) if kind == b"ANMF")
    return sum(islice(frames, _MOST))

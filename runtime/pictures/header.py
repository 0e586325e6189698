"""The size of a picture from its file's header, before anything is decoded.

A few bytes can stand for gigabytes of pixels. Only kinds of files that are known here are
given to OpenCV at all, each as its own decoder reads the size.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

from runtime.pictures.heif import heif_brand, read_heif
from runtime.pictures.tiff import tiff_pages

#: Most scans of a JPEG file, each of which is a pass over the whole picture: progressive
#: files have about ten.
_MAX_SCANS = 100

#: Most segments before a JPEG's frame header.
_MAX_PARTS = 4096

#: Most chunks of a PNG file: those of the largest that is read have 8 kB.
_MAX_CHUNKS = 100_000

_PIXEL_CHUNKS = (b"IDAT", b"fdAT", b"fcTL")

#: Most chunks besides those of pixels: libpng may print a line about each.
_MAX_SIDE_CHUNKS = 250

#: Name of a PNG file's colour profile, of what a terminal shows and doesn't obey.
_PROFILE_NAME = re.compile(rb"[ -~\xa1-\xff]{0,79}\0")


def picture_size(data: bytes) -> tuple[int, int] | None:
    """Width and height of a picture in pixels.

    Args:
        data: A whole file of one of `runtime.pictures.kinds`.

    Returns:
        None where it is of another kind, or cut short or malformed before its size.
    """
    try:
        for start, size in _KINDS:
            if start.match(data):
                return size(data)
    except (struct.error, ValueError, IndexError, OverflowError):
        pass
    return None


def is_picture(head: bytes) -> bool:
    """Whether a file begins as a kind of picture that is known here does.

    Args:
        head: Its first 64 bytes.
    """
    return any(start.match(head) for start, _ in _KINDS) and (
        head[4:8] != b"ftyp" or heif_brand(head) is not None
    )


def is_animation(data: bytes) -> bool:
    """Whether a picture may be one of many, which take OpenCV twice the memory of a single one.

    Args:
        data: A file whose `picture_size` is known.
    """
    if data.startswith(b"\x89PNG"):
        # OpenCV takes it for one when this stands before the pixels.
        kinds = [kind for kind, *_ in png_chunks(data)]
        return b"acTL" in kinds[: kinds.index(b"IDAT") if b"IDAT" in kinds else None]
    return data.startswith(b"GIF8") or (data[12:16] == b"VP8X" and bool(data[20] & 2))


def _png(data: bytes) -> tuple[int, int] | None:
    beside = 0
    for kind, start, length in png_chunks(data):
        beside += kind not in _PIXEL_CHUNKS
        if beside > _MAX_SIDE_CHUNKS:
            return None
        # OpenCV makes room for a chunk before it reads it.
        if length > len(data):
            return None
        # libpng prints a colour profile's name as it is when something is wrong with it.
        if kind == b"iCCP" and not _PROFILE_NAME.match(data, start):
            return None
    return _two(">II", data, 16)


def png_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Kind, start and length of each chunk of a PNG file, as far as they follow one another."""
    at = 8
    for _ in range(_MAX_CHUNKS):
        if at + 8 > len(data):
            return
        length = int.from_bytes(data[at : at + 4], "big")
        yield data[at + 4 : at + 8], at + 8, length
        at += 12 + length
    raise ValueError("more chunks than any picture has")


def _gif(data: bytes) -> tuple[int, int] | None:
    return _two("<HH", data, 6)


def _bmp(data: bytes) -> tuple[int, int] | None:
    (header,) = struct.unpack_from("<I", data, 14)
    width, height = _two("<HH" if header == 12 else "<ii", data, 18)
    return abs(width), abs(height)  # a negative height means from the top down


def _webp(data: bytes) -> tuple[int, int] | None:
    kind = data[12:16]
    if len(data) < 30:
        return None
    if kind == b"VP8X":
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    width, height = _two("<HH", data, 26)
    return width & 0x3FFF, height & 0x3FFF


def _pnm(data: bytes) -> tuple[int, int] | None:
    # Numbers are apart by white space and by comments, which end with their line.
    found = re.match(rb"P[1-6]" + 2 * rb"(?:\s|#[^\n\r]*[\n\r])+(\d{1,9})", data[:65536])
    return found and (int(found[1]), int(found[2]))


def _jpeg(data: bytes) -> tuple[int, int] | None:
    if data.count(b"\xff\xda") > _MAX_SCANS:
        return None
    for marker, at in jpeg_segments(data, _MAX_PARTS):
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = _two(">HH", data, at + 3)
            return width, height
    return None


def jpeg_segments(data: bytes, most: int) -> Iterator[tuple[int, int]]:
    """Marker of each segment of a JPEG file before its pixels, and where its length stands.

    Args:
        data: The whole file.
        most: Markers that are looked at.

    Raises:
        struct.error, ValueError, IndexError: It is cut short.
    """
    at = 2
    for _ in range(most):
        # As libjpeg does: whatever stands before the next marker is passed over.
        at = data.index(b"\xff", at)
        while data[at] == 0xFF:
            at += 1
        marker = data[at]
        at += 1
        if marker in (0xD9, 0xDA):
            return
        if marker not in (0x00, 0x01, *range(0xD0, 0xD9)):  # these have no length
            yield marker, at
            at += max(2, struct.unpack_from(">H", data, at)[0])


def riff_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Kind, start and length of each chunk of a WebP file, as far as they follow one another."""
    at = 12
    while at + 8 <= len(data):
        kind, length = struct.unpack_from("<4sI", data, at)
        yield kind, at + 8, length
        at += 8 + length + length % 2


def _tiff(data: bytes) -> tuple[int, int] | None:
    page = next(tiff_pages(data), None)
    return page.size if page else None


def _heif(data: bytes) -> tuple[int, int] | None:
    found = read_heif(data)
    return found.size if found else None


def _two(form: str, data: bytes, at: int) -> tuple[int, int]:
    first, second = struct.unpack_from(form, data, at)
    return first, second


#: How a kind of file begins, and what reads its size.
_KINDS = [
    (re.compile(pattern, re.DOTALL), size)
    for pattern, size in (
        (rb"\xff\xd8\xff", _jpeg),
        (rb"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR", _png),
        (rb"RIFF....WEBPVP8[XL ]", _webp),
        (rb"BM", _bmp),
        (rb"II[\x2a\x2b]\0|MM\0[\x2a\x2b]", _tiff),
        (rb"P[1-6]\s", _pnm),
        (rb"GIF8[79]a", _gif),
        (rb"....ftyp", _heif),
    )
]

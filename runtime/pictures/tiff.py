"""The pages of a TIFF file, before anything is decoded."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

#: Most tags of a directory, and of all of them.
_MAX_DIRECTORY, _MAX_TAGS = 4096, 100_000

#: Largest tile of a TIFF file in pixels: decoded as a whole, however small the picture.
_MAX_TILE = 1 << 24


@dataclass(frozen=True, slots=True)
class TiffPage:
    """One directory of a TIFF file.

    Attributes:
        size: Width and height in pixels.
        bits: Largest number of bits of a sample.
        reduced: Whether it is a small copy of another page.
    """

    size: tuple[int, int]
    bits: int
    reduced: bool


def tiff_pages(data: bytes) -> Iterator[TiffPage]:
    """The pages of a TIFF file, in their order.

    Raises:
        struct.error, ValueError: It is cut short or malformed.
    """
    order = "<" if data[:2] == b"II" else ">"
    if struct.unpack_from(order + "H", data, 2) == (42,):
        head, entry, word, at = "H", "HHI4s", "I", 4
    else:  # BigTIFF
        head, entry, word, at = "Q", "HHQ8s", "Q", 8
    field = struct.calcsize(order + word)
    seen: set[int] = set()
    tags = 0
    while tags < _MAX_TAGS:
        (at,) = struct.unpack_from(order + word, data, at)
        if at == 0 or at in seen:
            return
        seen.add(at)
        (count,) = struct.unpack_from(order + head, data, at)
        tags += 1 + count
        if count > _MAX_DIRECTORY:
            raise ValueError("more tags than any picture has")
        at += struct.calcsize(order + head)
        # Of a tag that is there twice, the largest counts.
        found = {254: 0, 256: 0, 257: 0, 258: 0, 322: 0, 323: 0}
        for _ in range(count):
            tag, kind, values, value = struct.unpack_from(order + entry, data, at)
            at += struct.calcsize(order + entry)
            if tag in found:
                letter = {1: "B", 3: "H", 4: "I", 16: "Q"}.get(kind, "")
                if not letter or (values != 1 and tag != 258):
                    raise ValueError("a size that is no number")
                if values * struct.calcsize(order + letter) > field:
                    # Several numbers stand elsewhere.
                    (place,) = struct.unpack_from(order + word, value)
                    value = data[place : place + 8]
                found[tag] = max(found[tag], *struct.unpack_from(order + letter, value))
        if found[322] * found[323] > _MAX_TILE:
            raise ValueError("tiles that are too large")
        yield TiffPage((found[256], found[257]), found[258], bool(found[254] & 1))

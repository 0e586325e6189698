"""What the header of a HEIF file says: AVIF and HEIC are the same boxes round another codec."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

#: Most boxes of one level, and most items with properties: an iPhone's picture has 50 tiles.
_MOST = 4096

#: Brands of AVIF, and of HEVC in the same container; what has both is AVIF.
_AVIF = {b"avif", b"avis"}
_HEIC = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}


@dataclass(frozen=True, slots=True)
class HeifHeader:
    """What is known before anything is decoded.

    Attributes:
        avif: Whether it is AVIF; else HEIC.
        size: Width and height of its largest image in pixels, before turning.
        turns: How the picture that is shown is to be turned, in this order: `("rot", k)`
            by k quarters against the clock, `("flip", 0)` upside down, `("flip", 1)`
            left to right.
        frames: Frames of an animation; 1 where it is none.
    """

    avif: bool
    size: tuple[int, int]
    turns: tuple[tuple[str, int], ...]
    frames: int


def heif_brand(data: bytes) -> str | None:
    """`AVIF` or `HEIC` by the file's first box; None for anything else, such as a video."""
    if data[4:8] != b"ftyp":
        return None
    length = min(int.from_bytes(data[:4], "big"), 512)
    names = set(re.findall(rb"(?s).{4}", data[8:12] + data[16:length]))
    return "AVIF" if names & _AVIF else "HEIC" if names & _HEIC else None


def read_heif(data: bytes) -> HeifHeader | None:
    """Reads the header.

    Args:
        data: A whole file.

    Returns:
        None where it is another kind, or names no size.

    Raises:
        struct.error, ValueError, IndexError: It is cut short or malformed.
    """
    brand = heif_brand(data)
    if brand is None:
        return None
    frames, sizes = 1, []
    turns: tuple[tuple[str, int], ...] = ()
    for kind, start, end in _boxes(data, 0, len(data)):
        if kind == b"meta":
            inner = {k: (s, e) for k, s, e in _boxes(data, start + 4, end)}
            if b"iprp" in inner:
                properties, linked = _properties(data, *inner[b"iprp"])
                sizes = [
                    struct.unpack_from(">II", data, s + 4) for k, s, _ in properties if k == b"ispe"
                ]
                primary = _primary(data, *inner[b"pitm"]) if b"pitm" in inner else None
                turns = _turns(data, properties, linked.get(primary, []))
        elif kind == b"moov" and data[8:12] == b"avis":
            frames = max(1, _samples(data, start, end))
    if not sizes:
        return None
    width, height = max(sizes, key=lambda size: size[0] * size[1])
    return HeifHeader(brand == "AVIF", (width, height), turns, frames)


def _boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, start and end of what each box holds."""
    for _ in range(_MOST):
        if start + 8 > end:
            return
        length, kind = struct.unpack_from(">I4s", data, start)
        head = 8
        if length == 1:
            (length,) = struct.unpack_from(">Q", data, start + 8)
            head = 16
        elif length == 0:
            length = end - start
        if length < head:
            raise ValueError("a box that is shorter than its head")
        yield kind, start + head, min(start + length, end)
        start += length


def _primary(data: bytes, start: int, end: int) -> int:
    size = 4 if data[start] else 2
    return int.from_bytes(data[start + 4 : start + 4 + size], "big")


def _properties(
    data: bytes, start: int, end: int
) -> tuple[list[tuple[bytes, int, int]], dict[int | None, list[int]]]:
    """The properties, and of each item the indices of its own, from 1."""
    properties: list[tuple[bytes, int, int]] = []
    linked: dict[int | None, list[int]] = {}
    for kind, at, stop in _boxes(data, start, end):
        if kind == b"ipco":
            properties = list(_boxes(data, at, stop))
        elif kind == b"ipma":
            version, wide = data[at], data[at + 3] & 1
            (count,) = struct.unpack_from(">I", data, at + 4)
            at += 8
            for _ in range(min(count, _MOST)):
                item, number = struct.unpack_from(">IB" if version else ">HB", data, at)
                at += 5 if version else 3
                form = f">{number}{'H' if wide else 'B'}"
                mask = 0x7FFF if wide else 0x7F  # the bit above says that it is essential
                linked[item] = [index & mask for index in struct.unpack_from(form, data, at)]
                at += struct.calcsize(form)
    return properties, linked


def _turns(
    data: bytes, properties: list[tuple[bytes, int, int]], own: list[int]
) -> tuple[tuple[str, int], ...]:
    turns = []
    for index in own:
        if 0 < index <= len(properties):
            kind, start, _ = properties[index - 1]
            if kind == b"irot":
                turns.append(("rot", data[start] & 3))
            elif kind == b"imir":
                turns.append(("flip", data[start] & 1))
    return tuple(turns)


def _samples(data: bytes, start: int, end: int) -> int:
    """Samples of the first track."""
    for name in (b"trak", b"mdia", b"minf", b"stbl"):
        found = next(((s, e) for k, s, e in _boxes(data, start, end) if k == name), None)
        if found is None:
            return 0
        start, end = found
    for kind, at, _ in _boxes(data, start, end):
        if kind in (b"stsz", b"stz2"):
            (count,) = struct.unpack_from(">I", data, at + 8)
            return int(count)
    return 0

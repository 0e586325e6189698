"""What the pipeline is measured on: rendered faces in every combination, or a file."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path

from benchmarks.harness.synthetic import SyntheticVideo, render
from runtime.errors import UserError
from runtime.sources.base import Source
from runtime.sources.factory import open_source

#: Fewer frames are no rate.
LEAST_FRAMES = 10


@dataclass(frozen=True)
class Case:
    """One row of the table.

    Attributes:
        source: Name of its file, or `synthetic`.
        faces: Rendered faces; None for a file.
        width: Of the frames, in pixels.
        height: The same.
        streams: Number of streams.
        open: Makes one stream.
    """

    source: str
    faces: int | None
    width: int
    height: int
    streams: int
    open: Callable[[], Source]

    @property
    def title(self) -> str:
        """What it is, for people."""
        name = Path(self.source).name if self.faces is None else _count(self.faces, "face")
        return f"{name}, {_count(self.streams, 'stream')}, {self.width}x{self.height}"


def list_cases(
    source: str | None,
    sizes: Sequence[str],
    faces: Sequence[int],
    streams: Sequence[int],
    frames: int,
) -> list[Case]:
    """Every combination of rendered faces, or a file with every number of streams.

    Args:
        source: A file or folder, or None for rendered faces.
        sizes: Sizes of rendered frames, such as `640x480`.
        faces: Numbers of rendered faces.
        streams: Numbers of streams.
        frames: Length of a rendered stream.

    Raises:
        UserError: A size is none, or the source can't be read.
    """
    if source is not None:
        shape, name = _inspect(source)
        height, width = shape[:2]
        opened = partial(open_source, source)
        return [Case(name, None, width, height, n, opened) for n in streams]
    cases = []
    for size, number in product(map(_size, sizes), faces):
        pictures = render(number, 30, size)
        made = partial(SyntheticVideo, pictures, frames)
        cases += [Case("synthetic", number, *size, n, made) for n in streams]
    return cases


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text)
    if match is None or not all(32 <= int(side) <= 8192 for side in match.groups()):
        raise UserError(f"--size must be like 640x480, each side 32 to 8192, not {text!r}")
    return int(match[1]), int(match[2])


def _inspect(spec: str) -> tuple[tuple[int, ...], str]:
    """Shape of a source's first frame and its name; fails before the slow part."""
    source = open_source(spec)
    try:
        if source.live:
            raise UserError(f"--source {source.name}: a live source can't be repeated; give a file")
        got = source.read()
        count = 1
        while got is not None and count < LEAST_FRAMES and source.read() is not None:
            count += 1
    finally:
        source.close()
    if got is None:
        raise UserError(f"--source {source.name}: no frame in it")
    if count < LEAST_FRAMES:
        raise UserError(
            f"--source {source.name}: {count} frames are too few to measure; "
            f"at least {LEAST_FRAMES} are needed"
        )
    return got.picture.bgr().shape, source.name


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"

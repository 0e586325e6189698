"""Pictures of faces: checked once, kept in memory while they fit, else read when asked for."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from runtime.errors import SourceError, UserError
from runtime.manifest import Preprocess
from runtime.pictures.kinds import SUFFIXES
from runtime.pictures.reading import read_picture
from runtime.vision.boxes import Box
from runtime.vision.preprocess import crop_face
from train.datasets.notes import say, say_skipped
from train.progress import show_progress

Face = NDArray[np.uint8]

#: Decoded bytes kept in memory.
MEMORY = 2 << 30

#: With a larger share of pictures or labels missing, a set counts as half-extracted.
MISSING = 0.1

#: Pictures that may get lost during a run before it stops.
_LOST = 20

#: Seconds before a picture that was sound at the start is tried again.
_WAITS = (0.0, 0.5, 2.0)

#: How a whole file begins and, near its end, ends. A half-written one doesn't.
_ENDS = {b"\xff\xd8\xff": b"\xff\xd9", b"\x89PNG": b"IEND"}

#: Stands for a face that is left on the disk.
_WHOLE: Face = np.zeros((0, 0), np.uint8)


@dataclass(eq=False)
class Pictures(Sequence[Face]):
    """Faces by number; those that don't fit in memory are read each time.

    Attributes:
        name: Data set and split.
        files: N pictures.
        boxes: N face boxes in pixels to cut out, or None for whole pictures.
        grey: Read as (H, W) in place of (H, W, 3) BGR.
        held: N decoded faces; None for those left on the disk.
    """

    name: str
    files: list[Path]
    boxes: list[Box] | None
    grey: bool
    held: list[Face | None]
    _lost: set[int] = field(default_factory=set)

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        face = self.held[index]
        return self._read_again(int(index) % len(self)) if face is None else face

    @property
    def side(self) -> int:
        """Side in pixels where all faces are known to be squares of one size, else 0."""
        shapes = {None if face is None else face.shape[:2] for face in self.held}
        height, width = shapes.pop() or (0, -1) if len(shapes) == 1 else (0, -1)
        return height if height == width else 0

    def _read_again(self, index: int) -> Face:
        """Reads a face that was left on the disk.

        A run of hours must not end over one file, nor go on without its disk:
        a few lost faces are grey squares, each said; then it stops.
        """
        if index not in self._lost:
            box = self.boxes[index] if self.boxes else None
            for wait in _WAITS:
                time.sleep(wait)
                face = read_face(self.files[index], self.grey, box)
                if face is not None:
                    return face
            self._lost.add(index)
            problem = f"{self.name}: {self.files[index]} can't be read any more"
            if len(self._lost) > _LOST:
                raise UserError(f"{problem}, nor can {_LOST} others; is the disk still there?")
            say(f"{problem}; a grey square stands in for it")
        return np.full((64, 64) if self.grey else (64, 64, 3), 128, np.uint8)


def load_pictures(
    name: str, files: Sequence[Path], boxes: Sequence[Box] | None = None, grey: bool = False
) -> tuple[Pictures, NDArray[np.intp]]:
    """Checks every picture and reads as many as fit in memory.

    Missing and unreadable ones are left out and counted on standard error. Of
    those beyond the memory only the file's two ends are read, if these say
    enough: decoding all of AffectNet would take minutes before each run.

    Args:
        name: Data set and split.
        files: N pictures that the set lists.
        boxes: N face boxes in pixels to cut out.
        grey: Read as (H, W) in place of (H, W, 3) BGR.

    Returns:
        M pictures and their (M,) indices into `files`.

    Raises:
        UserError: More than a tenth are missing, or none can be read.
    """
    present = _present(name, files)

    def read(index: int) -> Face | None:
        return read_face(files[index], grey, boxes[index] if boxes else None)

    def check(index: int) -> Face | None:
        box = boxes[index] if boxes else None
        return _WHOLE if _looks_whole(files[index], box) else read(index)

    kept: list[int] = []
    held: list[Face | None] = []
    size = 0
    workers = min(8, os.cpu_count() or 1)
    # Small blocks: what the threads have read and nobody took yet is memory too.
    block = 4 * workers
    bar = show_progress(None, name, len(present))
    with _quiet(), bar, ThreadPoolExecutor(workers) as pool:
        for start in range(0, len(present), block):
            part = present[start : start + block]
            look = read if size < MEMORY else check
            for index, face in zip(part, pool.map(look, part), strict=True):
                if face is None:
                    continue
                fits = face is not _WHOLE and size < MEMORY
                kept.append(index)
                held.append(face if fits else None)
                size += face.nbytes if fits else 0
            bar.update(len(part))
    bad = sorted(set(present) - set(kept))
    say_skipped(name, len(bad), len(files), "unreadable pictures", files[bad[0]] if bad else "")
    if not kept:
        raise UserError(f"{name}: holds no readable pictures")
    chosen = [boxes[i] for i in kept] if boxes else None
    return Pictures(name, [files[i] for i in kept], chosen, grey, held), np.array(kept, np.intp)


def read_face(file: Path, grey: bool = False, box: Box | None = None) -> Face | None:
    """Reads one face from its file.

    Args:
        file: The picture.
        grey: Read as (H, W) in place of (H, W, 3) BGR.
        box: Face box (x1, y1, x2, y2) in pixels; cut out as the device does it.

    Returns:
        uint8 pixels, or None where the file is no whole picture or too large, or the
        box lies outside.
    """
    try:
        face = read_picture(file, grey)
    except SourceError:
        return None
    if box is None:
        return face
    shown = _clip(box, face.shape[1], face.shape[0])
    if shown is None:
        return None
    # A copy, so that the rest of the picture isn't kept.
    return np.array(crop_face(face, shown, Preprocess()), np.uint8)


def _clip(box: Box, width: int, height: int) -> Box | None:
    """Gives what the picture shows of a box, which may be huge in a broken row."""
    x1, y1, x2, y2 = max(box[0], 0), max(box[1], 0), min(box[2], width), min(box[3], height)
    return None if x2 - x1 < 1 or y2 - y1 < 1 else (x1, y1, x2, y2)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps OpenCV's own lines on broken files from the terminal; ours count them."""
    log = cv2.utils.logging
    level = log.getLogLevel()
    log.setLogLevel(log.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        log.setLogLevel(level)


def is_picture(file: Path) -> bool:
    """Whether the name is a picture's; Thumbs.db and .DS_Store are none."""
    return file.suffix.lower() in SUFFIXES and not file.name.startswith(".")


def _present(name: str, files: Sequence[Path]) -> list[int]:
    """Lists the indices of the files that exist."""
    present = [index for index, file in enumerate(files) if os.path.isfile(file)]
    missing = len(files) - len(present)
    if missing:
        there = set(present)
        example = next(file for index, file in enumerate(files) if index not in there)
        if missing > MISSING * len(files):
            raise UserError(
                f"{name}: {missing} of {len(files)} listed pictures are missing, such as "
                f"{example}; is the set fully extracted?"
            )
        say_skipped(name, missing, len(files), "missing pictures", example)
    return present


def _looks_whole(file: Path, box: Box | None) -> bool:
    """Whether a JPEG or PNG file begins and ends as it must and holds the box.

    Says False where unsure, too.
    """
    try:
        with file.open("rb") as stream:
            head = stream.read(4)
            stream.seek(max(0, os.fstat(stream.fileno()).st_size - 64))
            tail = stream.read()
        if not any(head.startswith(start) and end in tail for start, end in _ENDS.items()):
            return False
        if box is None:
            return True
        with Image.open(file) as header:
            return _clip(box, *header.size) is not None
    # Pillow's readers let out more than OSError on broken headers.
    except Exception:
        return False

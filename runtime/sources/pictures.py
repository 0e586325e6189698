"""Pictures, folders of them, and what one file of several holds, as a source."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from runtime.errors import SourceError
from runtime.messages import Frame
from runtime.pictures.animation import animation_frames, pages
from runtime.pictures.folders import list_pictures
from runtime.pictures.frames import frame_count
from runtime.pictures.header import is_picture
from runtime.pictures.kinds import CONCATENATED, SUFFIXES
from runtime.pictures.reading import MAX_FILE, read_picture
from runtime.sources.base import Source
from runtime.sources.files import open_file
from runtime.support.files.reading import read_input_file
from runtime.vision.picture import Picture

log = logging.getLogger(__name__)

#: Pictures a second of a folder: so slow that no label carries over to the next.
_FOLDER_FPS = 0.5

#: Bytes that tell a kind of file.
_HEAD = 64


def open_pictures(path: Path, name: str, recursive: bool = False) -> Source | None:
    """A folder of pictures, a picture, or all that an animation or a file of pages holds.

    What a file holds counts more than its suffix. Animated GIF and PNG are videos for
    `open_file`, which keeps none of their frames.

    Args:
        path: A folder or file that is there.
        name: What the source is called; printable.
        recursive: Read the folder's folders too.

    Returns:
        None where it is no picture.

    Raises:
        SourceError: The folder has none, or the file is broken.
    """
    if path.is_dir():
        return PictureSource(list_pictures(path, recursive), name)
    suffix = path.suffix.lower()
    if not path.is_file() or suffix in CONCATENATED:
        return None
    try:
        with path.open("rb") as stream:
            head = stream.read(_HEAD)
    except OSError as error:
        raise SourceError(f"--source {name}: {error.strerror}") from error
    if not is_picture(head):
        # A video under a picture's name is a video; what is no known video is a broken picture.
        return PictureSource([path], name) if suffix in SUFFIXES and not _is_video(head) else None
    try:
        data = read_input_file(path, MAX_FILE)
    except OSError:
        return PictureSource([path], name)  # says what is wrong with it
    if frame_count(data) == 1:
        return PictureSource([path], name)
    if head.startswith((b"GIF8", b"\x89PNG")):
        return open_file(path, name)
    return AnimatedSource(data, name)


def _is_video(head: bytes) -> bool:
    return head[4:8] == b"ftyp" or head.startswith((b"\x1a\x45\xdf\xa3", b"RIFF", b"OggS"))


class PictureSource:
    """Pictures one by one, two seconds each; unreadable ones are skipped, which is logged."""

    live = False
    fps = _FOLDER_FPS

    def __init__(self, files: list[Path], name: str) -> None:
        self.name = name
        self._files = iter(files)
        self._index = 0
        self._last: SourceError | None = None

    def read(self) -> Frame | None:
        """See `Source.read`."""
        for file in self._files:
            try:
                image = read_picture(file)
            except SourceError as error:
                log.warning("skipped: %s", error)
                self._last = error
                continue
            self._index += 1
            time_s, step_s = (self._index - 1) / self.fps, 1 / self.fps
            return Frame(Picture(image), time_s, name=str(file), duration_s=step_s)
        if not self._index:
            raise SourceError(f"{self.name}: none of its pictures can be read ({self._last})")
        return None

    def interrupt(self) -> None:
        """Never waits for long."""

    def close(self) -> None:
        """Holds nothing."""


class AnimatedSource:
    """All frames of an animated picture at their times, or all pages, two seconds each."""

    live = False

    def __init__(self, data: bytes, name: str) -> None:
        """Decodes the first.

        Args:
            data: The whole file: WebP, AVIF or TIFF.
            name: What it is called; printable.

        Raises:
            SourceError: It is broken or too large.
        """
        self.name = name
        paged = data.startswith((b"II", b"MM"))
        self._frames = _timed_pages(data, name) if paged else animation_frames(data, name)
        self._ahead = [next(self._frames, None)]
        if not paged and self._ahead[0] is not None:
            self._ahead.append(next(self._frames, None))
        second = self._ahead[-1]
        self.fps = _FOLDER_FPS if paged or second is None else 1 / max(second[1], 1e-3)

    def read(self) -> Frame | None:
        """See `Source.read`; a part that is broken is its end, which is logged."""
        try:
            got = self._ahead.pop(0) if self._ahead else next(self._frames, None)
        except SourceError as error:
            log.warning("%s ends early: %s", self.name, error)
            return None
        return None if got is None else Frame(Picture(got[0]), got[1])

    def interrupt(self) -> None:
        """Never waits for long."""

    def close(self) -> None:
        """Frees what is held."""
        self._ahead, self._frames = [], iter(())


def _timed_pages(data: bytes, name: str) -> Iterator[tuple[NDArray[np.uint8], float]]:
    for number, image in enumerate(pages(data, name)):
        yield image, number / _FOLDER_FPS

"""Videos with an end: files, and whole files behind a URL."""

from __future__ import annotations

import logging
import time
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from runtime.errors import SourceError
from runtime.sources.backend import Capture, open_capture, read_frame

log = logging.getLogger(__name__)

#: Failed reads in a row after which a file is taken to have ended. FFmpeg
#: reports each broken frame as one; at the real end they cost microseconds.
_BROKEN_IN_A_ROW = 300

#: And the longest time to go on so, in seconds: behind a URL each may take its limit.
_BROKEN_S = 10.0

#: A longer step from one stamp to the next is a fault of the file, in seconds.
_LONGEST_STEP_S = 10.0


def open_file(path: Path, name: str) -> FileSource:
    """Opens a video file.

    Raises:
        SourceError: It is empty or no video.
    """
    # A pipe or device has no size, and may well give a video.
    if path.is_file() and path.stat().st_size == 0:
        raise SourceError(f"--source {name}: the file is empty")
    capture = open_capture(str(path), cv2.CAP_FFMPEG)
    if capture is None:
        raise SourceError(f"--source {name}: not a video that FFmpeg can read, or cut short")
    return FileSource(capture, name)


class FileSource:
    """A video with an end: passes over broken frames, and says so when it ends early."""

    live = False

    def __init__(self, capture: Capture, name: str) -> None:
        """Takes over an open video.

        Args:
            capture: The open video; the source frees it.
            name: For the log; without credentials.
        """
        self._capture = capture
        self.name = name
        fps = capture.get(cv2.CAP_PROP_FPS)
        self.fps = fps if 1 <= fps <= 1000 else 25.0
        self._expected = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        self._index = 0
        self._broken = 0
        self._stamp_s = 0.0
        self._offset_s = 0.0

    def read(self) -> tuple[NDArray[np.uint8], float, str] | None:
        """See `Source.read`."""
        image = read_frame(self._capture)
        if image is None:
            image = self._after_broken()
        if image is None:
            self._tell_end()
            return None
        time_s = self._media_time(self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1e3)
        self._index += 1
        return np.asarray(image, np.uint8), time_s, ""

    def close(self) -> None:
        """Frees the decoder."""
        self._capture.release()

    def _after_broken(self) -> NDArray[np.uint8] | None:
        """The first good frame after broken ones; None at the end."""
        if 0 < self._expected <= self._index:
            return None
        deadline = time.monotonic() + _BROKEN_S
        for count in range(1, _BROKEN_IN_A_ROW + 1):
            image = read_frame(self._capture)
            if image is not None:
                self._broken += count
                log.debug("%s: %d broken frames after frame %d", self.name, count, self._index)
                return np.asarray(image, np.uint8)
            if time.monotonic() > deadline:
                break
        return None

    def _tell_end(self) -> None:
        """Says what was wrong with the whole, once it is over.

        Raises:
            SourceError: Nothing could be decoded.
        """
        if not self._index:
            raise SourceError(f"--source {self.name}: no frame in it can be decoded")
        if self._broken:
            log.warning("%s: passed over %d broken frames", self.name, self._broken)
        # Containers' own counts may be off by a frame or two.
        elif self._index < self._expected - 2:
            log.warning(
                "%s ended after %d of %d frames: cut short?",
                self.name,
                self._index,
                self._expected,
            )

    def _media_time(self, stamp_s: float) -> float:
        """The file's stamp where it goes on, moved where it jumps.

        Some containers have no times, or times that jump back or far ahead;
        what follows a jump keeps its own steps, as files of variable rate need.
        """
        if not self._index:
            self._offset_s = 0.0 if stamp_s >= 0 else -stamp_s
        elif not 0 < stamp_s - self._stamp_s <= _LONGEST_STEP_S:
            self._offset_s += self._stamp_s + 1 / self.fps - stamp_s
        self._stamp_s = stamp_s
        return stamp_s + self._offset_s

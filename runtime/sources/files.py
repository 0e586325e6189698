"""Videos with an end: files, and whole files behind a URL."""

from __future__ import annotations

import logging
import time
from pathlib import Path

from runtime.errors import SourceError
from runtime.messages import Frame
from runtime.sources.base import SoundFile
from runtime.sources.decoders.base import Capture, Stamped
from runtime.support.redaction import printable

log = logging.getLogger(__name__)

#: Broken parts in a row after which a file is taken to have ended.
_BROKEN_IN_A_ROW = 300

#: And the longest time to go on so, in seconds: behind a URL each may take its limit.
_BROKEN_S = 10.0

#: A longer step from one stamp to the next is a fault, where stamps may jump or the file
#: ends before it; in seconds.
_LONGEST_STEP_S = 10.0

#: Part of a file's time, and seconds, that may be missing at its end.
_MISSING_SHARE, _MISSING_S = 0.05, 1.0


def open_file(path: Path, name: str, decode: str = "cpu") -> FileSource:
    """Opens a video file.

    Args:
        path: The file.
        name: What the source is called.
        decode: See `SourceConfig`.

    Raises:
        SourceError: It is empty or no video.
    """
    from runtime.sources.decoders import (
        ffmpeg as media,  # PyAV takes 0.1 s, which cameras need not wait
    )

    name = printable(name)
    # A pipe or device has no size, and may well give a video.
    if path.is_file() and path.stat().st_size == 0:
        raise SourceError(f"--source {name}: the file is empty")
    try:
        container = media.open_file(path, decode)
    except SourceError as error:
        raise SourceError(f"--source {name}: {error}") from error
    # What comes through a pipe comes once.
    sound = SoundFile(path, container.start_s) if path.is_file() else None
    return FileSource(container, name, sound)


class FileSource:
    """A video with an end: passes over broken frames, and says so when it ends early."""

    live = False

    def __init__(self, capture: Capture, name: str, sound: SoundFile | None = None) -> None:
        """Takes over an open video.

        Args:
            capture: The open video; the source frees it.
            name: For the log; without credentials.
            sound: Where its sound can be read; None where it can't.
        """
        self._capture = capture
        #: Where its sound can be read, if it has any; None where it can't.
        self.sound = sound
        self.name = name
        self.fps = capture.fps if 1 <= capture.fps <= 1000 else 25.0
        self._expected = capture.frames
        #: Latest stamp that there may be, in seconds; 0 where stamps may jump.
        self._last_stamp_s = float(getattr(capture, "last_stamp_s", 0.0))
        self._index = 0
        self._broken = 0
        self._interrupted = False
        self._stamp_s = 0.0
        self._offset_s = 0.0

    def read(self) -> Frame | None:
        """See `Source.read`."""
        got = self._capture.read() or self._after_broken()
        if got is None:
            self._tell_end()
            return None
        picture, stamp = got
        time_s = self._media_time(self._stamp_s if stamp is None else stamp)
        self._index += 1
        return Frame(picture, time_s, duration_s=getattr(self._capture, "duration_s", 0.0))

    def close(self) -> None:
        """Frees the decoder."""
        self._capture.close()

    def interrupt(self) -> None:
        """See `Source.interrupt`."""
        self._interrupted = True
        self._capture.interrupt()

    def _after_broken(self) -> Stamped | None:
        """The first good frame after broken ones, and its stamp; None at the end."""
        if self._capture.ended or 0 < self._expected <= self._index:
            return None
        deadline = time.monotonic() + _BROKEN_S
        for count in range(1, _BROKEN_IN_A_ROW + 1):
            got = self._capture.read()
            if got is not None:
                self._broken += count
                log.debug("%s: %d broken frames after frame %d", self.name, count, self._index)
                return got
            if self._capture.ended or time.monotonic() > deadline:
                break
        return None

    def _tell_end(self) -> None:
        """Says what was wrong with the whole, once it is over.

        Raises:
            SourceError: Nothing could be decoded.
        """
        if self._interrupted:
            return
        if not self._index:
            raise SourceError(f"--source {self.name}: no frame in it can be decoded")
        if self._broken:
            log.warning("%s: passed over %d broken frames", self.name, self._broken)
        # Containers' own counts may be off by a frame or two, and guessed of a mean rate.
        elif (
            self._index + getattr(self._capture, "repeats", 0) < self._expected - 2
            and not self._came_to_its_end()
        ):
            log.warning(
                "%s ended after %d of %d frames: cut short?",
                self.name,
                self._index,
                self._expected,
            )

    def _came_to_its_end(self) -> bool:
        """Whether the last frame's time is about where the container says that it ends."""
        whole_s = self._last_stamp_s
        missing_s = whole_s - self._stamp_s
        return whole_s > 0 and missing_s <= max(_MISSING_S, _MISSING_SHARE * whole_s)

    def _media_time(self, stamp_s: float) -> float:
        """The file's stamp where it goes on, moved where it jumps.

        Some containers have no times, or times that jump back or far ahead; what follows a
        jump keeps its own steps, as files of variable rate need. A frame may be held for
        minutes, too: that is no jump where the file is so long.
        """
        if not self._index:
            self._offset_s = 0.0 if stamp_s >= 0 else -stamp_s
        elif not self._goes_on(stamp_s):
            self._offset_s += self._stamp_s + 1 / self.fps - stamp_s
        self._stamp_s = stamp_s
        return stamp_s + self._offset_s

    def _goes_on(self, stamp_s: float) -> bool:
        """Whether a stamp may follow the last one."""
        step_s = stamp_s - self._stamp_s
        if step_s <= _LONGEST_STEP_S:
            return step_s > 0
        return stamp_s <= self._last_stamp_s + _MISSING_S

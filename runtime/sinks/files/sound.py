"""A source's sound, read from its file beside the pictures."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import av

from runtime.errors import SourceError
from runtime.sources.decoders import ffmpeg as media
from runtime.support.redaction import printable

if TYPE_CHECKING:
    from runtime.sources.base import SoundFile

log = logging.getLogger(__name__)

#: How far the pictures in the file may be ahead of the sound beside them, in seconds.
_SLACK_S = 2.0

#: Most packets that are looked at in one go: what a broken file costs a frame.
_MOST_PACKETS = 2000

#: Broken packets in a row after which the sound is taken to have ended.
_BROKEN_IN_A_ROW = 100

#: A stamp that goes back by more than this begins anew, as in joined streams, in seconds.
_BACK_S = 1.0


class Sound:
    """The best sound of a file, packet by packet, in the media time of its pictures.

    The pictures' packets are passed over, but tell how far the file has been read: no
    more of it is held than belongs to the frames so far. Whatever is broken ends the
    sound, with a line in the log, and nothing else.
    """

    def __init__(self, file: SoundFile) -> None:
        """Opens the file a second time.

        Args:
            file: Which, and its stamp at media time 0.

        Raises:
            SourceError: It can't be opened, or holds no sound that can be read.
        """
        self._container = media.open_container(file.path)
        try:
            video = self._container.streams.best("video")
            stream = self._container.streams.best("audio", related=video)
            if stream is None or stream.codec_context is None or not stream.time_base:
                raise SourceError("holds no sound that can be read")
        except BaseException:
            self._container.close()
            raise
        #: The stream as FFmpeg knows it.
        self.stream = stream
        self._name = printable(str(file.path))
        self._chosen = [stream] if video is None else [stream, video]
        self._packets: Iterator[Any] = self._container.demux(*self._chosen)
        self._waiting: deque[tuple[float, Any]] = deque()
        self._clocks = {one.index: _Clock(file.start_s) for one in self._chosen}
        self._read_s = -1e18  # media time that the file has been read to
        self._broken = 0
        self.ended = False

    def until(self, end_s: float) -> list[tuple[float, Any]]:
        """The packets that begin before a time, each with its media time in seconds.

        Args:
            end_s: Media time.
        """
        for _ in range(_MOST_PACKETS):
            if self.ended or self._read_s >= end_s + _SLACK_S:
                break
            if self._waiting and self._waiting[-1][0] >= end_s:
                break
            self._take()
        found = []
        while self._waiting and self._waiting[0][0] < end_s:
            found.append(self._waiting.popleft())
        return found

    def first(self) -> Any:
        """The first packet that is still to come, for a look; None where there is none."""
        for _ in range(_MOST_PACKETS):
            if self._waiting or self.ended:
                break
            self._take()
        return self._waiting[0][1] if self._waiting else None

    def end(self, why: object) -> None:
        """Ends the sound before its time, and says why."""
        if not self.ended:
            log.warning("%s: the video's sound ends here: %s", self._name, why)
        self._waiting.clear()
        self.ended = True

    def close(self) -> None:
        """Closes the file; a second call does nothing."""
        self.ended = True
        self._waiting.clear()
        self._packets = iter(())
        self._container.close()

    def _take(self) -> None:
        """Reads one packet."""
        try:
            packet = next(self._packets, None)
        except (av.FFmpegError, OSError, MemoryError) as error:
            self._broken += 1
            if self._broken > _BROKEN_IN_A_ROW or not isinstance(error, av.error.InvalidDataError):
                self.end("it can't be read")
            # The generator is over after an error, the container isn't.
            self._packets = self._container.demux(*self._chosen)
            return
        except IndexError:
            packet = None  # the end, where streams have come up since it was opened
        if packet is None:
            self.ended = True
            return
        stamp = packet.pts if packet.stream is self.stream else packet.dts
        if stamp is None or not packet.size:
            return
        self._broken = 0
        step_s = float((packet.duration or 0) * packet.time_base)
        time_s = self._clocks[packet.stream.index].time_s(float(stamp * packet.time_base), step_s)
        if packet.stream is not self.stream:
            self._read_s = max(self._read_s, time_s)
        elif not packet.is_discard:
            self._waiting.append((time_s, packet))


class _Clock:
    """Media time of a stream's stamps, which may begin anew."""

    def __init__(self, start_s: float) -> None:
        self._start_s = start_s
        self._next_s = -1e18

    def time_s(self, stamp_s: float, step_s: float) -> float:
        """The media time of a stamp."""
        if stamp_s - self._start_s < self._next_s - step_s - _BACK_S:
            self._start_s = stamp_s - self._next_s
        time_s = stamp_s - self._start_s
        self._next_s = time_s + step_s
        return time_s

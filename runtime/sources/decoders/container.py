"""The frames of an open media container, decoded by FFmpeg through PyAV."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
from av.format import Flags

from runtime.errors import SourceError
from runtime.sources.decoders.base import Stamped
from runtime.sources.decoders.deinterlace import Deinterlacer
from runtime.sources.decoders.reasons import no_video, why_lost
from runtime.vision.picture import FrameConverter, Picture

if TYPE_CHECKING:
    from runtime.sources.decoders.http_connection import Allowance

#: Most pixels of a frame; 8K has half as many.
MAX_PIXELS = 64_000_000

#: Most bytes that a server may send for one frame.
FRAME_BYTES = 64_000_000

#: Longest time of a video whose container doesn't say it, in seconds.
_UNKNOWN_S = 6 * 3600.0


class Container:
    """The best video stream of an open container, frame by frame."""

    def __init__(
        self, container: Any, allowance: Allowance | None, timeout_s: float, live: bool
    ) -> None:
        """Takes over a container.

        Args:
            container: From `av.open`; freed by `close`.
            allowance: Renewed for each frame; None where nothing is limited.
            timeout_s: Longest wait for a frame in seconds.
            live: Decode without holding frames back, where one thread is fast enough.

        Raises:
            SourceError: It holds no video.
        """
        self._container, self._allowance, self._timeout_s = container, allowance, timeout_s
        stream = container.streams.best("video")
        if stream is None or stream.codec_context is None:
            raise SourceError(no_video(container))
        context = stream.codec_context
        context.options = {"max_pixels": str(MAX_PIXELS)}
        # Several threads decode several frames at a time, and hold them back for it.
        one = live and context.width * context.height <= 1920 * 1088
        context.thread_count = 1 if one else min(4, len(os.sched_getaffinity(0)))
        context.thread_type = "AUTO"
        self._stream = stream
        self._converter = FrameConverter()
        # What the last frame that could be converted was.
        self._convertible: tuple[object, ...] | None = None
        self._frames: deque[Any] = deque()
        self._deinterlacer = Deinterlacer()
        self._packets: Iterator[Any] = container.demux(stream)
        #: Whether nothing more will come.
        self.ended = False
        #: Frames so far that say no more than that the last one stays.
        self.repeats = 0
        #: Why it ended, for what is live.
        self.failure = ""
        #: How long a read may take, in seconds, before what it gives is old.
        self.silence_s = 0.95 * timeout_s
        rate = stream.average_rate or stream.guessed_rate
        #: Frames a second, as the container says; 0 where it doesn't.
        self.fps = float(rate or 0)
        #: The container's stamp at media time 0, in seconds.
        self.start_s = float((stream.start_time or 0) * (stream.time_base or Fraction(0)))
        #: How long the last frame that was read is shown, in seconds; 0 where it doesn't say.
        self.duration_s = 0.0
        #: Latest stamp that there may be, in seconds from the start; 0 where stamps may jump.
        self.last_stamp_s = 0.0
        if not container.format.flags & Flags.ts_discont.value:
            self.last_stamp_s = self._duration_s() or _UNKNOWN_S
        #: Frames in it; 0 where that is unknown, as for what has no end.
        self.frames: int = stream.frames or round(self._duration_s() * self.fps)

    def read(self) -> Stamped | None:
        """The next frame, not converted yet, and its stamp in seconds from the start.

        Returns:
            None at the end (`ended`), and for a part that is broken, after which others
            may come. A stamp is None where the container has none.
        """
        while not self._frames:
            if self.ended:
                return None
            packet = self._next_packet()
            if packet is None and not self.ended:
                return None
            if packet is not None and not packet.size and packet.pts is not None:
                # Nothing has changed: the last frame is shown for longer.
                self.repeats += 1
                continue
            try:
                if packet is None:
                    self._frames.extend(self._deinterlacer.rest())
                else:
                    for frame in packet.decode():
                        self._frames.extend(self._deinterlacer.give(frame))
            except (av.FFmpegError, MemoryError):
                return None
        frame = self._frames.popleft()
        stamp = None if frame.pts is None else float(frame.pts * frame.time_base) - self.start_s
        self.duration_s = float((frame.duration or 0) * (frame.time_base or 0))
        picture = Picture.of_video_frame(frame, self._converter, self._aspect())
        if picture.width * picture.height > MAX_PIXELS:
            return None
        kind = (frame.format.name, frame.width, frame.height, frame.colorspace, frame.color_range)
        if kind != self._convertible:
            # The first of a kind tells whether such frames can be converted at all.
            try:
                picture.bgr()
            except (MemoryError, ValueError):
                return None
            self._convertible = kind
        return picture, stamp

    def interrupt(self) -> None:
        """Ends the waiting in `read` where that can be done. For another thread."""
        if self._allowance is not None:
            self._allowance.interrupt()

    def close(self) -> None:
        """Frees decoder, file and connection; a second call does nothing."""
        self.ended = True
        self._frames.clear()
        self._deinterlacer = Deinterlacer()
        self._packets = iter(())
        self._container.close()

    def _aspect(self) -> float:
        """Width of the stream's pixels over their height; FFmpeg says 0 where it knows none."""
        return float(self._stream.sample_aspect_ratio or 1)

    def _duration_s(self) -> float:
        if self._stream.duration is not None and self._stream.time_base:
            return float(self._stream.duration * self._stream.time_base)
        return (self._container.duration or 0) / av.time_base

    def _next_packet(self) -> Any:
        """The next packet; None where it is broken, and at the end."""
        if self._allowance is not None:
            self._allowance.renew(self._timeout_s, FRAME_BYTES)
        error: Exception | None = None
        try:
            packet = next(self._packets, None)
        except av.error.InvalidDataError:
            # The generator is over after an error, the container isn't.
            self._packets = self._container.demux(self._stream)
            return None
        except (av.FFmpegError, OSError, MemoryError, IndexError) as broken:
            # The file or the connection, not what it holds; PyAV raises IndexError where a
            # stream appears in the middle.
            packet, error = None, broken
        self.ended = packet is None
        if self.ended:
            self.failure = getattr(self._container.file, "failure", "") or why_lost(error)
        return packet

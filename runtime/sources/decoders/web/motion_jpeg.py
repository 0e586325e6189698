"""Motion JPEG: one picture after the other in an endless answer of a web server."""

from __future__ import annotations

import time
from typing import Any

import av

from runtime.errors import SourceError, Unreachable
from runtime.pictures.header import picture_size
from runtime.pictures.reading import decode_picture
from runtime.sources.decoders import base
from runtime.sources.decoders.base import Stamped
from runtime.sources.decoders.container import MAX_PIXELS
from runtime.sources.decoders.http import HttpFile
from runtime.sources.decoders.http_connection import Allowance
from runtime.sources.decoders.web.multipart import PART_BYTES, Multipart
from runtime.vision.picture import FrameConverter, Picture

#: Most parts in a row that are no pictures, such as a camera's notices.
_OTHERS_IN_A_ROW = 1000


class MotionJpeg:
    """A `Capture` of the pictures of a multipart answer."""

    fps = 0.0
    frames = 0

    def __init__(self, file: HttpFile, boundary: str, allowance: Allowance) -> None:
        """Takes over an answer, and waits for its first picture.

        Args:
            file: The answer; freed by `close`.
            boundary: As its header has it, empty where it has none.
            allowance: What the server may take for a picture.

        Raises:
            Unreachable: None comes.
        """
        self._file, self._allowance = file, allowance
        self._parts = Multipart(file.read, boundary)
        self.ended = False
        self.failure = ""
        # FFmpeg's decoder, unlike OpenCV's, has no words for the terminal about broken ones.
        self._decoder = av.CodecContext.create("mjpeg", "r")
        self._decoder.thread_count = 1
        self._converter = FrameConverter()
        self._first = self._next()
        if self._first is None:
            raise Unreachable(self.failure or "sends pictures that can't be decoded")

    def read(self) -> Stamped | None:
        """See `Capture.read`; there are no stamps."""
        picture, self._first = self._first or self._next(), None
        return None if picture is None else (picture, None)

    def interrupt(self) -> None:
        """Ends the waiting in `read`. For another thread."""
        self._allowance.interrupt()

    def close(self) -> None:
        """Frees the connection."""
        self.ended = True
        self._file.close()

    def _next(self) -> Picture | None:
        """The next picture; None for one that is broken, and at the end."""
        self._allowance.renew(base.TIMEOUT_S, 2 * PART_BYTES)
        until = time.monotonic() + base.TIMEOUT_S
        for _ in range(_OTHERS_IN_A_ROW):
            part = self._parts.part()
            if part is None:
                self.ended = True
                self.failure = (
                    self._parts.failure or self._file.failure or "the server ended the stream"
                )
                return None
            size = picture_size(part)
            if size is not None:
                return self._decoded(part, size)
            if time.monotonic() > until:
                break
        self.ended = True
        self.failure = "sends parts that are no pictures"
        return None

    def _decoded(self, part: bytes, size: tuple[int, int]) -> Picture | None:
        """The picture of a part that is one; None where it is broken."""
        try:
            if part.startswith(b"\xff\xd8") and size[0] * size[1] <= MAX_PIXELS:
                frame: Any = next(iter(self._decoder.decode(av.Packet(part))), None)
                return None if frame is None else Picture.of_video_frame(frame, self._converter)
        except (av.FFmpegError, MemoryError, ValueError):
            pass  # a rare kind of JPEG, perhaps
        try:
            return Picture(decode_picture(part, "a picture"))
        except SourceError:
            return None

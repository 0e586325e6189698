"""Cameras and network streams: what has no end, and comes back after a loss."""

from __future__ import annotations

import logging
import math
import re
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from runtime.errors import SourceError, Unreachable
from runtime.sources import backend
from runtime.sources.backend import Capture, open_capture, read_frame
from runtime.sources.base import hide_credentials
from runtime.sources.files import FileSource
from runtime.sources.retry import Pauses, Retry

log = logging.getLogger(__name__)

#: A connection that held for so long lets the pauses start anew, in seconds.
_STEADY_S = 10.0

#: Broken frames in a row that are passed over, as long as they come fast.
_BROKEN_IN_A_ROW = 30
_BROKEN_S = 1.0

#: Largest frames of a stream that a single thread is trusted to decode in time.
_ONE_THREAD_PIXELS = 1920 * 1088


class LiveSource:
    """A camera or stream: media time is the time since it opened, losses included."""

    live = True

    def __init__(
        self,
        capture: Capture,
        name: str,
        connect: Callable[[], Capture | None],
        reconnect_s: float = math.inf,
        *,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], bool] | None = None,
        pauses: Pauses | None = None,
    ) -> None:
        """Takes over an open camera or stream.

        Args:
            capture: The open capture; the source frees it.
            name: For the log; without credentials.
            connect: Opens it again; None where it can't.
            reconnect_s: How long to try after a loss, in seconds: 0 for not at all,
                infinity for ever.
            clock: Gives seconds that never go back.
            wait: Waits so many seconds; True at once when interrupted.
            pauses: The pauses between tries.
        """
        self.name = name
        self.reconnects = 0
        fps = capture.get(cv2.CAP_PROP_FPS)
        self.fps = fps if 1 <= fps <= 240 else 30.0
        self._capture: Capture | None = capture
        self._connect = connect
        self._clock = clock
        self._retry = Retry(reconnect_s, clock=clock, wait=wait, pauses=pauses)
        self._start = self._since = clock()

    @property
    def connected(self) -> bool:
        """False while it is lost."""
        return self._capture is not None

    def read(self) -> tuple[NDArray[np.uint8], float, str] | None:
        """See `Source.read`; waits through a loss, and gives None when interrupted then."""
        image = self._next()
        if image is None:
            image = self._regain()
        return None if image is None else (image, self._clock() - self._start, "")

    def interrupt(self) -> None:
        """Ends the waiting of `read` for a lost source, now and later; see `Interruptible`."""
        self._retry.interrupt()

    def close(self) -> None:
        """Frees the device or connection."""
        self._retry.interrupt()
        self._disconnect()

    def _next(self) -> NDArray[np.uint8] | None:
        """The next good frame; None when the connection is lost."""
        if self._capture is None:
            return None
        began = self._clock()
        for _ in range(_BROKEN_IN_A_ROW):
            image = read_frame(self._capture)
            took_s = self._clock() - began
            # After a silence the decoder gives up what it held: no sign of life.
            if took_s > 0.95 * backend.TIMEOUT_MS / 1e3:
                break
            if image is not None:
                return np.asarray(image, np.uint8)
            if took_s > _BROKEN_S:
                break
        return None

    def _regain(self) -> NDArray[np.uint8] | None:
        """Tries to come back until a frame is there.

        Returns:
            The frame, or None when interrupted.

        Raises:
            SourceError: The time to try is over.
        """
        # A dead handle must be gone first: many cameras open only once.
        self._disconnect()
        retry = self._retry
        if retry.interrupted:
            return None
        if retry.limit_s <= 0:
            raise SourceError(f"--source {self.name}: gives no more frames")
        lost = self._clock()
        log.warning("%s: lost, trying again", self.name)
        if lost - self._since > _STEADY_S:
            retry.pauses.reset()
        try:
            image = retry.until(self._reopen)
        except TimeoutError as error:
            raise SourceError(
                f"--source {self.name}: lost, and not back within {retry.limit_s:g} s"
            ) from error
        if image is not None:
            self.reconnects += 1
            self._since = self._clock()
            log.warning("%s: back after %.1f s", self.name, self._since - lost)
        return image

    def _reopen(self) -> NDArray[np.uint8] | None:
        """The first frame of a new connection; None where none comes, and then none is open."""
        self._capture = self._connect()
        image = self._next()
        if image is None or self._retry.interrupted:
            self._disconnect()
            return None
        return image

    def _disconnect(self) -> None:
        capture, self._capture = self._capture, None
        if capture is not None:
            capture.release()


def open_stream(url: str, reconnect_s: float) -> FileSource | LiveSource:
    """A network stream, or a whole video behind a URL.

    Raises:
        Unreachable: It can't be reached, or isn't video.
    """
    name = hide_credentials(url)

    def connect() -> Capture | None:
        # Several threads decode several frames at a time, and hold them back for it.
        capture = open_capture(url, cv2.CAP_FFMPEG, limited=True, threads=1)
        if capture is None or _pixels(capture) <= _ONE_THREAD_PIXELS:
            return capture
        capture.release()
        return open_capture(url, cv2.CAP_FFMPEG, limited=True)

    capture = connect()
    if capture is None:
        raise Unreachable(
            f"--source {name}: the stream can't be reached within "
            f"{backend.TIMEOUT_MS / 1000:g} s, or isn't video"
        )
    # Only what has an end has a length.
    if capture.get(cv2.CAP_PROP_FRAME_COUNT) > 0:
        return FileSource(capture, name)
    return LiveSource(capture, name, connect, reconnect_s)


def _pixels(capture: Capture) -> float:
    return capture.get(cv2.CAP_PROP_FRAME_WIDTH) * capture.get(cv2.CAP_PROP_FRAME_HEIGHT)


def camera_of(spec: str) -> int | str | None:
    """A camera's number, or its device file where that has a name of its own; else None.

    A name such as `/dev/v4l/by-id/...` stays the camera's when it is plugged in again.
    """
    number = re.fullmatch(r"(?:/dev/video)?([0-9]{1,4})", spec)
    if number:
        return int(number[1])
    return spec if spec.startswith("/dev/v4l/") else None


def open_camera(camera: int | str, reconnect_s: float) -> LiveSource:
    """A camera by number or device file.

    Raises:
        Unreachable: There is none, or it is in use.
    """

    def connect() -> Capture | None:
        kind = cv2.CAP_ANY if isinstance(camera, int) else cv2.CAP_V4L2
        capture = open_capture(camera, kind)
        if isinstance(capture, cv2.VideoCapture):
            # Old frames in the driver's queue would be lag.
            capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        return capture

    name = f"camera {camera}"
    capture = connect()
    if capture is None:
        found = sorted(p.name for p in Path("/dev").glob("video*"))
        hint = f"found /dev/{', /dev/'.join(found)}" if found else "no /dev/video* here"
        raise Unreachable(f"{name} can't be opened ({hint}); try --source demo")
    return LiveSource(capture, name, connect, reconnect_s)

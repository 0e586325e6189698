"""Reconnecting sources: cameras and network streams, which have no end and come back."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable

from runtime.errors import SourceError
from runtime.messages import Frame
from runtime.sources.decoders import base
from runtime.sources.decoders.base import Capture
from runtime.support.backoff import Pauses, Retry
from runtime.vision.picture import Picture

log = logging.getLogger(__name__)

#: A connection that held for so long lets the pauses start anew, in seconds.
_STEADY_S = 10.0

#: Broken frames in a row that are passed over, as long as they come fast.
_BROKEN_IN_A_ROW = 30
_BROKEN_S = 1.0


class ReconnectingSource:
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
            connect: Opens it again; None, or a `SourceError` that says why, where it
                can't.
            reconnect_s: How long to try after a loss, in seconds: 0 for not at all,
                infinity for ever.
            clock: Gives seconds that never go back.
            wait: Waits so many seconds; True at once when interrupted.
            pauses: The pauses between tries.
        """
        self.name = name
        self.reconnects = 0
        self.fps = capture.fps if 0.01 <= capture.fps <= 240 else 30.0
        self._capture: Capture | None = capture
        self._connect = connect
        #: Why it is lost, as far as that is known.
        self._why = ""
        self._clock = clock
        self._retry = Retry(reconnect_s, clock=clock, wait=wait, pauses=pauses)
        self._start = self._since = clock()

    @property
    def connected(self) -> bool:
        """False while it is lost."""
        return self._capture is not None

    def read(self) -> Frame | None:
        """See `Source.read`; waits through a loss, and gives None when interrupted then."""
        picture = self._next() or self._regain()
        if picture is None:
            return None
        return Frame(picture, self._clock() - self._start, reconnects=self.reconnects)

    def interrupt(self) -> None:
        """Ends the waiting of `read`, now and later."""
        self._retry.interrupt()
        capture = self._capture
        if capture is not None:
            capture.interrupt()

    def close(self) -> None:
        """Frees the device or connection."""
        self._retry.interrupt()
        self._disconnect()

    def _next(self) -> Picture | None:
        """The next good frame; None when the connection is lost."""
        if self._capture is None:
            return None
        began = self._clock()
        for _ in range(_BROKEN_IN_A_ROW):
            got = self._capture.read()
            took_s = self._clock() - began
            # After a silence the decoder gives up what it held: no sign of life.
            if took_s > base.silence_of(self._capture):
                self._why = base.failure_of(self._capture) or f"silent for {took_s:.0f} s"
                return None
            if got is not None:
                return got[0]
            if self._capture.ended or took_s > _BROKEN_S:
                break
        self._why = base.failure_of(self._capture)
        return None

    def _regain(self) -> Picture | None:
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
            raise SourceError(f"--source {self.name}: gives no more frames{self._because()}")
        lost = self._clock()
        log.warning("%s: lost, trying again%s", self.name, self._because())
        if lost - self._since > _STEADY_S:
            retry.pauses.reset()
        try:
            picture = retry.until(self._reopen)
        except TimeoutError as error:
            raise SourceError(
                f"--source {self.name}: lost, and not back within {retry.limit_s:g} s"
                f"{self._because()}"
            ) from error
        if picture is not None:
            self.reconnects += 1
            self._since = self._clock()
            log.warning("%s: back after %.1f s", self.name, self._since - lost)
        return picture

    def _reopen(self) -> Picture | None:
        """The first frame of a new connection; None where none comes, and then none is open."""
        before = self._why
        try:
            self._capture = self._connect()
        except SourceError as error:
            self._why = str(error)
        picture = self._next()
        if picture is None and self._why != before and not self._retry.interrupted:
            log.warning("%s: not back yet%s", self.name, self._because())
        if picture is None or self._retry.interrupted:
            self._disconnect()
            return None
        return picture

    def _because(self) -> str:
        return f": {self._why}" if self._why else ""

    def _disconnect(self) -> None:
        capture, self._capture = self._capture, None
        if capture is not None:
            capture.close()

"""Live playlists at their own pace."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from runtime.sources.decoders import base
from runtime.sources.decoders.base import Capture, Stamped

#: A frame so much later than its time was held up by the server, in seconds: what follows
#: keeps its distance to it. Less is jitter, and caught up with.
_STALL_S = 0.5

#: A frame that is due so much later follows a jump of the stamps, in seconds.
_JUMP_S = 10.0


class PacedCapture:
    """Gives each frame of another capture when it is due, and no sooner.

    A playlist's server sends seconds of video at once, then nothing until the next part is
    ready. Whoever takes the latest frame would see the end of each part alone.
    """

    def __init__(
        self,
        capture: Capture,
        silence_s: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], object] | None = None,
    ) -> None:
        """Takes over an open capture.

        Args:
            capture: Closed with this one.
            silence_s: See `base.silence_of`; the time that a part may take.
            clock: Gives seconds that never go back.
            wait: Waits so many seconds, less when interrupted.
        """
        self._capture = capture
        self.silence_s = silence_s + _JUMP_S
        self._clock = clock
        self._interrupted = threading.Event()
        self._wait = wait or self._interrupted.wait
        #: What stamps lack to the clock's time; None before the first.
        self._offset_s: float | None = None

    @property
    def fps(self) -> float:
        """See `Capture.fps`."""
        return self._capture.fps

    @property
    def frames(self) -> int:
        """See `Capture.frames`."""
        return self._capture.frames

    @property
    def ended(self) -> bool:
        """See `Capture.ended`."""
        return self._capture.ended

    @property
    def failure(self) -> str:
        """See `base.failure_of`."""
        return base.failure_of(self._capture)

    def read(self) -> Stamped | None:
        """See `Capture.read`; waits until the frame is due."""
        got = self._capture.read()
        if got is None or got[1] is None:
            return got
        now, stamp = self._clock(), got[1]
        ahead_s = 0.0 if self._offset_s is None else stamp + self._offset_s - now
        if self._offset_s is None or not -_STALL_S <= ahead_s <= _JUMP_S:
            self._offset_s = now - stamp
        elif ahead_s > 0:
            self._wait(ahead_s)
        return got

    def interrupt(self) -> None:
        """See `Capture.interrupt`."""
        self._interrupted.set()
        self._capture.interrupt()

    def close(self) -> None:
        """See `Capture.close`."""
        self._capture.close()

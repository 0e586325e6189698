"""Ctrl-C and SIGTERM: an end in order, and an end within three seconds in any case."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable

from runtime.support.threads import background

log = logging.getLogger("runtime")

#: Longest time from a signal to the end of the process, in seconds: the stages and the
#: receivers have limits of their own below it.
_LAST_S = 2.8


class Ending:
    """Handles the signals that end a run, from its first line to its last.

    A context manager. The first signal calls `stop`, so that no output is cut;
    a second one interrupts. Should anything hang after the first, such as a
    write into a pipe that nobody reads, the process ends all the same: what is
    in the files is as whole as after a SIGKILL, and a line names what hung.
    """

    def __init__(self, busy: Callable[[], str | None]) -> None:
        """Handles nothing yet.

        Args:
            busy: Names what the main thread is at, for that line; None where unknown.
        """
        self._busy = busy
        self._before: dict[signal.Signals, object] = {}
        self._over = threading.Event()
        #: Ends the run in order; until it is set there is nothing to end, and a
        #: signal interrupts at once.
        self.stop: Callable[[], None] | None = None

    def __enter__(self) -> Ending:
        # Only the main thread may set handlers.
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _handle(self, signum: int, frame: object) -> None:
        signal.signal(signum, signal.default_int_handler)
        background("last resort", self._watch)
        if self.stop is None:
            raise KeyboardInterrupt
        log.info("stopped by %s", signal.Signals(signum).name)
        self.stop()

    def _watch(self) -> None:
        if self._over.wait(_LAST_S):
            return
        what = "interrupted" if self.stop is None else f"error: {self._busy() or 'the end'} hangs"
        try:
            # A full pipe mustn't hold up this too.
            os.set_blocking(sys.stderr.fileno(), False)
            os.write(sys.stderr.fileno(), f"{what}; ended after {_LAST_S:g} s\n".encode())
        except (OSError, ValueError):
            pass
        os._exit(130 if self.stop is None else 2)

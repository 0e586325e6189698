"""Ctrl-C, SIGTERM and SIGHUP: an end in order, and an end within three seconds in any case."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from queue import Empty, SimpleQueue

from runtime.support.threads import background

log = logging.getLogger("runtime")

#: Longest time from a signal to the end of the process, in seconds: the stages and the
#: receivers have limits of their own below it.
_LAST_S = 2.8


class Shutdown:
    """Handles the signals that end a run, from its first line to its last.

    A context manager. The first signal calls `stop`, so that no output is cut;
    a second one interrupts. Should anything hang after the first, such as a
    write into a pipe that nobody reads, the process ends all the same: what is
    in the files is as whole as after a SIGKILL, and a line names what hung.

    A signal that the parent has us ignore, as `nohup` and a shell's background
    jobs do, stays ignored.

    A handler runs between any two instructions of the main thread, also where that
    holds a lock. So it takes none itself: it only puts a word into a `SimpleQueue`,
    which is made for that, and a thread does the rest.
    """

    def __init__(self, busy: Callable[[], str | None]) -> None:
        """Handles nothing yet.

        Args:
            busy: Names what the main thread is at, for that line; None where unknown.
        """
        self._busy = busy
        self._before: dict[signal.Signals, object] = {}
        #: A signal, and whether it interrupted the main thread; None at the end of the run.
        self._told: SimpleQueue[tuple[signal.Signals, bool] | None] = SimpleQueue()
        self._watcher: threading.Thread | None = None
        #: Ends the run in order, called in a thread of its own; until it is set there
        #: is nothing to end, and a signal interrupts at once.
        self.stop: Callable[[], None] | None = None

    def __enter__(self) -> Shutdown:
        # Only the main thread may set handlers.
        if threading.current_thread() is not threading.main_thread():
            return self
        self._watcher = background("signals", self._watch)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        if self._watcher is not None:
            self._told.put(None)
            self._watcher.join()
            self._watcher = None

    def _handle(self, signum: int, frame: object) -> None:
        signal.signal(signum, signal.default_int_handler)
        interrupts = self.stop is None
        self._told.put((signal.Signals(signum), interrupts))
        if interrupts:
            raise KeyboardInterrupt

    def _watch(self) -> None:
        """Waits for the first signal, then for the end of the run or of its time."""
        told = self._told.get()
        if told is None:
            return
        signum, interrupted = told
        if self.stop is not None and not interrupted:
            # In a thread, for it may hang, too.
            background("stop", partial(self._stop, self.stop, signum))
        if self._ends_within(_LAST_S):
            return
        what = "interrupted" if interrupted else f"error: {self._busy() or 'the end'} hangs"
        try:
            # A full pipe mustn't hold up this too.
            os.set_blocking(sys.stderr.fileno(), False)
            os.write(sys.stderr.fileno(), f"{what}; ended after {_LAST_S:g} s\n".encode())
        except (OSError, ValueError):
            pass
        os._exit(130 if interrupted else 2)

    def _ends_within(self, seconds: float) -> bool:
        """Whether the run ends in time; a second signal changes nothing."""
        deadline = time.monotonic() + seconds
        try:
            while self._told.get(timeout=max(0.0, deadline - time.monotonic())) is not None:
                pass
        except Empty:
            return False
        return True

    @staticmethod
    def _stop(stop: Callable[[], None], signum: signal.Signals) -> None:
        log.info("stopped by %s", signum.name)
        stop()

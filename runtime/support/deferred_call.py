"""Something that a signal handler may ask for, and that a thread does."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue

from runtime.support.threads import background


class DeferredCall:
    """One call, made in a thread of its own once somebody asks for it.

    A signal handler runs between two instructions of the main thread, which may hold
    any lock just then, that of an event, a mailbox or the log: whatever takes one in
    the handler can wait for ever. `SimpleQueue.put` takes none, so that asking is
    safe there.
    """

    def __init__(self, name: str, work: Callable[[], None]) -> None:
        """Makes no thread yet.

        Args:
            name: Of the thread.
            work: What it does when it is asked.
        """
        self._name = name
        self._work = work
        self._asked: SimpleQueue[bool] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Waits for somebody to ask, or does the work at once where somebody has."""
        self._thread = background(self._name, self._run)

    def ask(self) -> None:
        """Asks for the work; only the first time counts. Safe in a signal handler."""
        self._asked.put(True)

    def close(self, limit_s: float = 1.0) -> None:
        """Ends the thread; the work is not done any more unless it has begun.

        Args:
            limit_s: Longest wait for work that has begun, in seconds.
        """
        self._asked.put(False)
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(limit_s)

    def _run(self) -> None:
        if self._asked.get():
            self._work()

"""Stages of a pipeline as threads, and threads beside it, for asyncio too.

The only module of ours that makes threads.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from concurrent.futures import Future
from functools import partial
from typing import TypeVar

from runtime.errors import StageError
from runtime.support.mailbox import Closed

log = logging.getLogger(__name__)

T = TypeVar("T")


class Stages:
    """Threads that end together, and the first error of them all."""

    def __init__(self) -> None:
        self.error: StageError | None = None
        self._threads: list[threading.Thread] = []
        self._stop = threading.Event()
        self._joining = False
        self._lock = threading.Lock()

    @property
    def stopped(self) -> bool:
        """Whether the stages should end: asked to, or after an error."""
        return self._stop.is_set()

    def spawn(self, stage: str, work: Callable[[], None], at_end: Callable[[], None]) -> None:
        """Runs a stage in a thread.

        Args:
            stage: Its name.
            work: What it does, until it returns or meets a closed mailbox.
            at_end: Tells its neighbours, however it ended.
        """

        def body() -> None:
            try:
                work()
            except Closed:
                pass
            except BaseException as error:  # extensions raise more than Exception
                self._fail(stage, error)
            finally:
                at_end()

        thread = threading.Thread(target=body, name=stage, daemon=True)
        self._threads.append(thread)
        thread.start()

    def stop(self) -> None:
        """Asks the stages to end. Not for a signal handler: it takes a lock."""
        self._stop.set()

    def join(self, limit_s: float) -> list[str]:
        """Waits for the threads; errors from here on belong to the shutdown, and are dropped.

        Args:
            limit_s: Longest wait in seconds, for all of them together; 0 only looks.

        Returns:
            Names of those that haven't ended; a later call may find that they have.
        """
        self._joining = True
        self._stop.set()
        deadline = time.monotonic() + limit_s
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        return [thread.name for thread in self._threads]

    def _fail(self, stage: str, error: BaseException) -> None:
        """Keeps the first error and asks all to end."""
        if not isinstance(error, StageError):
            wrapped = StageError(stage, None, error)
            wrapped.__cause__ = error
            error = wrapped
        with self._lock:
            if self.error is None and not self._joining:
                self.error = error
                log.debug("stage failed", exc_info=error)
        self._stop.set()


def background(name: str, work: Callable[[], None]) -> threading.Thread:
    """Starts a thread that is no stage: its end and its errors leave the pipeline alone.

    Args:
        name: Its name.
        work: What it does; it can't keep the process alive.
    """
    thread = threading.Thread(target=work, name=name, daemon=True)
    thread.start()
    return thread


def together(calls: Sequence[Callable[[], T]]) -> list[Future[T]]:
    """Makes calls at the same time, each in a thread, and waits for all.

    Returns:
        What came of each, in their order.
    """
    futures: list[Future[T]] = [Future() for _ in calls]

    def make(call: Callable[[], T], future: Future[T]) -> None:
        try:
            future.set_result(call())
        except BaseException as error:  # extensions raise more than Exception
            future.set_exception(error)

    # Not a pool, whose threads would hold up the end after a Ctrl-C.
    threads = [
        background("together", partial(make, call, future))
        for call, future in zip(calls, futures, strict=True)
    ]
    for thread in threads:
        thread.join()
    return futures


async def results_of(pipeline: Iterable[T], close: Callable[[], None]) -> AsyncIterator[T]:
    """Yields what a pipeline yields, read in a thread of its own.

    Args:
        pipeline: What to read.
        close: Ends it, from another thread too; called however the loop is left.

    Raises:
        Exception: Whatever the pipeline raises.
    """
    import asyncio
    from concurrent.futures import ThreadPoolExecutor

    loop = asyncio.get_running_loop()
    # One thread reads; when the loop is left, the other ends the reading.
    threads = ThreadPoolExecutor(2, "results")
    read, end = iter(pipeline), object()
    try:
        while (result := await loop.run_in_executor(threads, next, read, end)) is not end:
            yield result  # type: ignore[misc]  # only the sentinel is no result
    finally:
        try:
            await asyncio.shield(loop.run_in_executor(threads, close))
        finally:
            threads.shutdown(wait=False)


async def in_thread(work: Callable[[], None]) -> None:
    """Does something that may wait, without holding the event loop."""
    import asyncio

    await asyncio.get_running_loop().run_in_executor(None, work)

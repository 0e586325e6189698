"""Results for an asyncio event loop, which never waits for a frame itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


async def results_of(pipeline: Iterable[T], close: Callable[[], None]) -> AsyncIterator[T]:
    """Yields what a pipeline yields, read in a thread of its own.

    Args:
        pipeline: What to read.
        close: Ends it, from another thread too; called however the loop is left.

    Raises:
        Exception: Whatever the pipeline raises.
    """
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
    await asyncio.get_running_loop().run_in_executor(None, work)

"""Several sources, of which one may fail without ending the others."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from runtime.errors import SourceError, StageError, Unreachable
from runtime.sources.base import Interruptible, Source, hide_credentials
from runtime.sources.late import LateSource
from runtime.sources.retry import Retry
from runtime.stages import together

log = logging.getLogger(__name__)


class Unopened:
    """Stands for a source that couldn't be opened, and gives its error when read."""

    live = True
    fps = 30.0

    def __init__(self, name: str, error: SourceError) -> None:
        self.name = name
        self._error = error

    def read(self) -> tuple[NDArray[np.uint8], float, str] | None:
        """Raises the error of the opening."""
        raise self._error

    def close(self) -> None:
        """Holds nothing."""


class SourceGroup:
    """The sources of one pipeline."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self.sources = sources
        self._errors: list[StageError] = []
        self._running = set(range(len(sources)))
        self._lock = threading.Lock()

    def interrupt(self) -> None:
        """Ends every wait for a lost source. Safe in a signal handler."""
        for source in self.sources:
            if isinstance(source, Interruptible):
                source.interrupt()

    def ended(self, stream: int) -> bool:
        """Notes that reading a source has ended, however it did; for its own thread.

        Returns:
            Whether it was the last. Those that were never there don't count: they
            are told to give up when only they are left.
        """
        with self._lock:
            self._running.discard(stream)
            left = [self.sources[number] for number in self._running]
        missing = [source for source in left if isinstance(source, LateSource) and not source.found]
        if len(missing) == len(left):
            for source in missing:
                source.interrupt()
        return not left

    def is_running(self, stream: int) -> bool:
        """Whether a source is still being read."""
        with self._lock:
            return stream in self._running

    def fail(self, stream: int, error: StageError) -> None:
        """Notes that a source failed; for its own thread.

        Args:
            stream: Its number.
            error: What went wrong.

        Raises:
            StageError: All have failed now: the first error of them.
        """
        with self._lock:
            self._errors.append(error)
            if len(self._errors) == len(self.sources):
                raise self._errors[0]
        log.warning("source %d (%s) failed: %s", stream, self.sources[stream].name, error)


def open_group(
    specs: Sequence[str | Path | Source],
    open_source: Callable[[str, float], Source],
    own: Callable[[Source], Source],
    reconnect_s: float = math.inf,
) -> SourceGroup:
    """Opens sources; as long as one opens, the others may fail, and live ones come later.

    Args:
        specs: What `open_source` takes, or sources of the caller's own.
        open_source: Opens one.
        own: Is told of each that was opened here, so that it is freed.
        reconnect_s: Given to `open_source`.

    Raises:
        SourceError: None could be opened: the first error; the others are logged.
    """
    names = [spec for spec in specs if isinstance(spec, (str, Path))]
    opens = [partial(open_source, str(name), reconnect_s) for name in names]
    # All at once: a dead stream takes its whole time limit.
    opened = iter(zip(opens, together(opens), strict=True))
    sources: list[Source] = []
    errors: list[SourceError] = []
    for spec in specs:
        if not isinstance(spec, (str, Path)):
            sources.append(spec)
            continue
        again, future = next(opened)
        try:
            sources.append(own(future.result()))
        except SourceError as error:
            errors.append(error)
            name = hide_credentials(str(spec))
            if isinstance(error, Unreachable) and reconnect_s > 0:
                sources.append(own(LateSource(name, again, error, Retry(reconnect_s))))
            else:
                sources.append(Unopened(name, error))
    if errors and len(errors) == len(sources):
        for other in errors[1:]:
            log.error("%s", other)
        raise errors[0]
    for source in sources:
        if isinstance(source, LateSource):
            log.warning("%s; trying again", source.error)
    return SourceGroup(sources)

"""Several sources, of which one may fail without ending the others."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from runtime.errors import SourceError, StageError, Unreachable
from runtime.messages import Frame
from runtime.sources.base import Source, turned
from runtime.sources.deferred import DeferredSource
from runtime.support.backoff import Retry
from runtime.support.net.tls import TLS_SCHEMES, Tls
from runtime.support.net.urls import warn_of_plain_password
from runtime.support.redaction import remember, shown_address
from runtime.support.threads import together

if TYPE_CHECKING:
    from runtime.sources.config import SourceConfig

log = logging.getLogger(__name__)


class Unopened:
    """Stands for a source that couldn't be opened, and gives its error when read."""

    live = True
    fps = 30.0

    def __init__(self, name: str, error: SourceError) -> None:
        self.name = name
        self._error = error

    def read(self) -> Frame | None:
        """Raises the error of the opening."""
        raise self._error

    def interrupt(self) -> None:
        """Never waits."""

    def close(self) -> None:
        """Holds nothing."""


class SourceGroup:
    """The sources of one pipeline."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self.sources = sources
        self._errors: dict[int, StageError] = {}
        self._running = set(range(len(sources)))
        self._lock = threading.Lock()

    def interrupt(self) -> None:
        """Ends every wait for a lost source."""
        for source in self.sources:
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
        missing = [
            source for source in left if isinstance(source, DeferredSource) and not source.found
        ]
        if len(missing) == len(left):
            for source in missing:
                source.interrupt()
        return not left

    def is_running(self, stream: int) -> bool:
        """Whether a source is still being read."""
        with self._lock:
            return stream in self._running

    def fail(self, stream: int, error: StageError) -> None:
        """Notes that a source failed, and ends its reading.

        Args:
            stream: Its number.
            error: What went wrong; of several, the first counts.

        Raises:
            StageError: All have failed now: the first error of them.
        """
        with self._lock:
            known = self._errors.setdefault(stream, error) is not error
            if len(self._errors) == len(self.sources):
                raise next(iter(self._errors.values()))
        if known:
            return
        source = self.sources[stream]
        log.warning("source %d (%s) failed: %s", stream, source.name, error)
        source.interrupt()

    def failed(self, stream: int) -> bool:
        """Whether a source has failed."""
        return stream in self._errors


def open_group(
    configs: Sequence[SourceConfig],
    open_source: Callable[[SourceConfig], Source],
    own: Callable[[Source], Source],
) -> SourceGroup:
    """Opens sources; as long as one opens, the others may fail, and live ones come later.

    Args:
        configs: What to open; sources of the caller's own are taken as they are.
        open_source: Opens one.
        own: Is told of each that was opened here, so that it is freed.

    Raises:
        SourceError: None could be opened: the first error; the others are logged.
    """
    opens = []
    for config in configs:
        if isinstance(config.source, (str, Path)):
            spec = str(config.source)
            remember([spec])
            _warn(spec, config.tls)
            opens.append(partial(open_source, config))
    # All at once: a dead stream takes its whole time limit.
    opened = iter(zip(opens, together(opens), strict=True))
    sources: list[Source] = []
    errors: list[SourceError] = []
    for config in configs:
        if not isinstance(config.source, (str, Path)):
            sources.append(turned(config.source, config.rotate, config.flip))
            continue
        again, future = next(opened)
        try:
            sources.append(own(future.result()))
        except SourceError as error:
            errors.append(error)
            name = config.shown_name
            if isinstance(error, Unreachable) and config.reconnect_s > 0:
                retry = Retry(config.reconnect_s)
                sources.append(own(DeferredSource(name, again, error, retry)))
            else:
                sources.append(Unopened(name, error))
    if errors and len(errors) == len(sources):
        for other in errors[1:]:
            log.error("%s", other)
        raise errors[0]
    for source in sources:
        if isinstance(source, DeferredSource):
            log.warning("%s; trying again", source.error)
    return SourceGroup(sources)


def _warn(spec: str, tls: Tls) -> None:
    """Says once what of a source can be read or changed by others."""
    scheme, _, rest = spec.partition("://")
    scheme = scheme.lower()
    if tls.insecure and scheme in TLS_SCHEMES:
        log.warning("%s: its certificate is not verified (--tls_insecure)", shown_address(spec))
    if "@" in rest and scheme in ("http", "rtsp", "rtmp"):
        warn_of_plain_password(shown_address(spec), scheme)

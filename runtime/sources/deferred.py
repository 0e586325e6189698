"""Deferred sources: a camera or stream that wasn't there at the start."""

from __future__ import annotations

import logging
from collections.abc import Callable

from runtime.errors import SourceError, Unreachable
from runtime.messages import Frame
from runtime.sources.base import Reconnecting, Source
from runtime.support.backoff import Retry

log = logging.getLogger(__name__)


class DeferredSource:
    """A source that is opened again and again until it is there, and stands for it then."""

    def __init__(
        self, name: str, open_: Callable[[], Source], error: SourceError, retry: Retry
    ) -> None:
        """Opens nothing before it is read.

        Args:
            name: For the log; without credentials.
            open_: Opens the source; `Unreachable` where it still isn't there.
            error: Of the first opening; `read` raises the last where it never comes.
            retry: How often and for how long it is tried.
        """
        self._name = name
        self._open = open_
        self.error = error
        self._retry = retry
        self._source: Source | None = None

    @property
    def name(self) -> str:
        """See `Source.name`."""
        return self._source.name if self._source else self._name

    @property
    def live(self) -> bool:
        """See `Source.live`."""
        return self._source.live if self._source else True

    @property
    def fps(self) -> float:
        """See `Source.fps`; a guess until it is there."""
        return self._source.fps if self._source else 30.0

    @property
    def found(self) -> bool:
        """Whether it is, or was, there."""
        return self._source is not None

    @property
    def connected(self) -> bool:
        """See `Reconnecting`."""
        source = self._source
        return source.connected if isinstance(source, Reconnecting) else source is not None

    @property
    def reconnects(self) -> int:
        """See `Reconnecting`; that it came at last is none."""
        return self._source.reconnects if isinstance(self._source, Reconnecting) else 0

    def read(self) -> Frame | None:
        """See `Source.read`; first waits until it is there.

        Raises:
            SourceError: It didn't come, or what came broke.
        """
        if self._source is None:
            try:
                self._source = self._retry.until(self._attempt)
            except TimeoutError:
                pass
            if self._source is None:
                raise self.error
            log.warning("%s: there now", self.name)
        return self._source.read()

    def interrupt(self) -> None:
        """See `Source.interrupt`."""
        self._retry.interrupt()
        source = self._source
        if source is not None:
            source.interrupt()

    def close(self) -> None:
        """See `Source.close`."""
        self._retry.interrupt()
        if self._source is not None:
            self._source.close()

    def _attempt(self) -> Source | None:
        try:
            source = self._open()
        except Unreachable as error:
            if str(error) != str(self.error):
                log.warning("%s; trying again", error)
            self.error = error
            return None
        if self._retry.interrupted:
            source.close()
            return None
        return source

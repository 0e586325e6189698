"""All sinks of a run as one."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

from runtime.sinks.base import Sink
from runtime.sinks.remote.queue import RemoteSink
from runtime.support.reasons import reason

if TYPE_CHECKING:
    from runtime.messages import FrameResult

log = logging.getLogger(__name__)


class SinkGroup:
    """Writes to every sink in turn and closes all of them, also after one fails."""

    def __init__(self) -> None:
        self._sinks: list[Sink] = []
        #: Name of the sink that is at work, if any. Can be read from any thread.
        self.busy: str | None = None

    def add(self, sink: Sink) -> None:
        """Takes over a sink, to close it."""
        self._sinks.append(sink)

    def write(self, result: FrameResult) -> None:
        """See `Sink.write`."""
        for sink in self._sinks:
            self.busy = sink.name
            sink.write(result)
        self.busy = None

    def close(self) -> None:
        """Closes every sink, whatever one of them raises.

        The first failure is raised, unless the caller is leaving with an error
        already; every other one is logged.
        """
        first = sys.exc_info()[1]
        on_its_way = first is not None
        for sink in self._sinks:
            if isinstance(sink, RemoteSink):
                sink.begin_close()  # they flush at the same time
        # Files first: an impatient second Ctrl-C must not cut them.
        for sink in sorted(self._sinks, key=lambda sink: isinstance(sink, RemoteSink)):
            self.busy = sink.name
            try:
                sink.close()
            except BaseException as error:  # also Ctrl-C: the others must not be cut
                # A disk that is full fails twice with the same words.
                if first is not None and str(error) != str(first):
                    log.warning("%s: %s", sink.name, reason(error))
                first = first or error
        self.busy = None
        if first is not None and not on_its_way:
            raise first

    def written(self) -> dict[str, str]:
        """What was written, in words, by the path that was asked for."""
        found = (getattr(sink, "files", None) for sink in self._sinks)
        return {str(files.path): files.shown for files in found if files is not None}

    def counts(self) -> dict[str, dict[str, int]]:
        """`RemoteSink.counts` of those that send, by kind."""
        return {sink.kind: sink.counts() for sink in self._sinks if isinstance(sink, RemoteSink)}

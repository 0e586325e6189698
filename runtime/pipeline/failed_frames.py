"""Frames that a stage can't handle are passed over; a stage that no longer works is an error."""

from __future__ import annotations

import logging

from runtime.errors import StageError
from runtime.sources.group import SourceGroup
from runtime.support.reasons import reason
from runtime.telemetry.metrics import Metrics

log = logging.getLogger(__name__)

#: Failures of a stream in a row, without a success of the same stage, that give it up.
FAILURES_IN_A_ROW = 30


class FailedFrames:
    """What one stage could not handle, of every stream; for the stage's own thread."""

    def __init__(self, stage: str, group: SourceGroup, metrics: Metrics) -> None:
        """Starts without failures.

        Args:
            stage: Name of the stage.
            group: The sources, of which one may be given up.
            metrics: Counts the frames as dropped.
        """
        self._stage, self._group, self._metrics = stage, group, metrics
        self._rows: dict[int, tuple[StageError, int]] = {}
        self._told: set[tuple[int, type[Exception]]] = set()
        self._first: StageError | None = None
        self._worked = False

    def add(self, stream: int, frame: int, error: Exception) -> None:
        """Passes over a frame; says so once for each stream and kind of error.

        A stream is given up, as one whose camera broke, when too many of its frames
        failed in a row.

        Args:
            stream: Number of its source.
            frame: Its number in the stream.
            error: What went wrong.

        Raises:
            StageError: All streams are given up now: the first error of them.
        """
        failure = StageError(self._stage, frame, error)
        failure.__cause__ = error
        self._first = self._first or failure
        first, count = self._rows.get(stream, (failure, 0))
        self._rows[stream] = first, count + 1
        self._metrics.dropped(stream, 1)
        if (stream, type(error)) not in self._told:
            self._told.add((stream, type(error)))
            log.warning(
                "source %d (%s): a frame is passed over: %s, frame %d: %s",
                *(stream, self._group.sources[stream].name, self._stage, frame, reason(error)),
            )
            log.debug("the frame's error", exc_info=error)
        if count + 1 == FAILURES_IN_A_ROW:
            self._group.fail(stream, first)

    def worked(self, stream: int) -> None:
        """Notes that the stage handled a frame of a stream."""
        self._worked = True
        self._rows.pop(stream, None)

    def end(self) -> None:
        """Ends the stage.

        Raises:
            StageError: It failed and never worked: its first error.
        """
        if self._first is not None and not self._worked:
            raise self._first

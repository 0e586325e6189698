"""Durations, counted by how long they are, so that figures of many devices can be added up."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

#: Upper bounds of the buckets in seconds: from a stage of a fast machine to a stream that
#: lags. Every device has the same, or their histograms couldn't be added up.
BOUNDS_S = (
    *(0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.04, 0.05, 0.075),
    *(0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0),
)


@dataclass(frozen=True, slots=True)
class Counts:
    """What a histogram held at one moment.

    Attributes:
        buckets: Durations in each bucket alone, the last of which has no upper bound.
        seconds: Sum of all durations.
    """

    buckets: tuple[int, ...]
    seconds: float

    @property
    def count(self) -> int:
        """Number of all durations."""
        return sum(self.buckets)


class Histogram:
    """Counts durations; the caller sees to it that one thread at a time does."""

    def __init__(self) -> None:
        self._buckets = [0] * (len(BOUNDS_S) + 1)
        self._seconds = 0.0

    def add(self, seconds: float) -> None:
        """Adds one duration."""
        self._buckets[bisect_left(BOUNDS_S, seconds)] += 1
        self._seconds += seconds

    def counts(self) -> Counts:
        """A copy of what there is."""
        return Counts(tuple(self._buckets), self._seconds)

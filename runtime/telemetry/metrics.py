"""How long each stage takes and what was dropped; measures, never draws."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from runtime.sources.base import Reconnecting, Source
from runtime.telemetry.histogram import Counts, Histogram

#: Latest durations kept per stage: bounds memory over months of running.
_WINDOW = 4096

#: Latest results that `rate` looks at.
_RATE_RESULTS = 90

_PERCENTILES = {"p50": 50, "p90": 90, "p99": 99}


class Metrics:
    """Durations and counts, from several threads.

    One object serves a pipeline for its whole life: `start` begins anew, and whoever
    holds a reference reads on. The lock, which all stages need, is only ever held for
    as long as numbers are added or copied.
    """

    def __init__(self, sources: Sequence[Source] = ()) -> None:
        """Starts the clock.

        Args:
            sources: The streams, by number; asked for their names and reconnects.
        """
        self._lock = threading.Lock()
        self.start(sources)

    def start(self, sources: Sequence[Source] = ()) -> None:
        """Forgets everything and starts the clock.

        Args:
            sources: As for a new object.
        """
        with self._lock:
            self._sources = tuple(sources)
            self._states = ["running"] * len(self._sources)
            self._durations: dict[str, deque[float]] = {}
            self._stages: dict[str, Histogram] = {}
            self._latencies = [Histogram() for _ in self._sources]
            self._counts: Counter[str] = Counter()
            self._times: deque[float] = deque(maxlen=_RATE_RESULTS)
            self._started = time.monotonic()
            self._first: float | None = None
            self._last = self._started

    @contextmanager
    def time(self, stage: str) -> Iterator[None]:
        """Times the block as one run of a stage."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.observe(stage, (time.perf_counter() - start) * 1e3)

    def observe(self, name: str, milliseconds: float) -> None:
        """Adds one duration."""
        with self._lock:
            self._observe(name, milliseconds)

    def count(self, name: str, amount: int = 1) -> None:
        """Adds to a counter."""
        with self._lock:
            self._counts[name] += amount

    def dropped(self, stream: int, amount: int) -> None:
        """Adds to a stream's dropped frames."""
        with self._lock:
            self._counts["dropped"] += amount
            self._counts[f"dropped {stream}"] += amount

    def set_state(self, stream: int, state: str) -> None:
        """Notes how a stream's reading ended: `ended`, `stopped` or `failed`."""
        with self._lock:
            self._states[stream] = state

    def result(self, faces: int, latency_ms: float, stream: int = 0) -> None:
        """Notes a finished frame."""
        with self._lock:
            self._observe("latency", latency_ms)
            if stream < len(self._latencies):
                self._latencies[stream].add(latency_ms / 1e3)
            self._counts["frames"] += 1
            self._counts[f"frames {stream}"] += 1
            self._counts["faces"] += faces
            self._counts[f"faces {stream}"] += faces
            self._last = time.monotonic()
            self._times.append(self._last)
            if self._first is None:
                self._first = self._last

    def last_result(self) -> tuple[float, bool]:
        """(seconds since the last result, or since the start; whether there was one)."""
        with self._lock:
            return time.monotonic() - self._last, self._first is not None

    def rate(self) -> float:
        """Results a second, of the latest ones until now: falls while none comes."""
        with self._lock:
            span = time.monotonic() - self._times[0] if self._times else 0.0
            return (len(self._times) - 1) / span if span > 0 else 0.0

    def totals(self) -> dict[str, tuple[int, float]]:
        """(runs, seconds) of each stage since the start."""
        return {name: (found.count, found.seconds) for name, found in self.stages().items()}

    def stages(self) -> dict[str, Counts]:
        """How long the runs of each stage took since the start, by its name."""
        with self._lock:
            return {name: histogram.counts() for name, histogram in self._stages.items()}

    def streams(self) -> list[dict[str, Any]]:
        """What `summary` tells of each source, with its `faces` and its `latency` (`Counts`)."""
        with self._lock:
            counts, states, sources = self._counts.copy(), list(self._states), self._sources
            latencies = [histogram.counts() for histogram in self._latencies]
        return [
            {
                **_stream(counts, number, source, states[number]),
                "faces": counts[f"faces {number}"],
                "latency": latencies[number],
            }
            for number, source in enumerate(sources)
        ]

    def summary(self) -> dict[str, Any]:
        """Counts, rate and percentiles.

        Returns:
            `frames`, `faces`, `dropped`, `seconds` (start to last result),
            `first_result_s`, `fps` (between first and last result),
            `stages`: p50, p90 and p99 in milliseconds by name, and
            `streams`: for each source its `name`, `frames` (results), `dropped`,
            `reconnects` and `state` (`running`, `reconnecting`, `ended`, `stopped`
            or `failed`).
        """
        with self._lock:
            counts, states, sources = self._counts.copy(), list(self._states), self._sources
            durations = {name: list(values) for name, values in self._durations.items()}
            started, first, last = self._started, self._first, self._last
        first = last if first is None else first
        frames, span = counts["frames"], last - first
        return {
            "frames": frames,
            "faces": counts["faces"],
            "dropped": counts["dropped"],
            "seconds": round(last - started, 3),
            "first_result_s": round(first - started, 3),
            "fps": round((frames - 1) / span, 1) if frames > 1 and span > 0 else 0.0,
            "stages": {name: _percentiles(values) for name, values in durations.items()},
            "streams": [
                _stream(counts, number, source, states[number])
                for number, source in enumerate(sources)
            ],
        }

    def _observe(self, name: str, milliseconds: float) -> None:
        """Adds one duration; the caller holds the lock."""
        if name not in self._stages:
            self._durations[name] = deque(maxlen=_WINDOW)
            self._stages[name] = Histogram()
        self._durations[name].append(milliseconds)
        self._stages[name].add(milliseconds / 1e3)


def _percentiles(values: Sequence[float]) -> dict[str, float]:
    found = np.percentile(values, list(_PERCENTILES.values())).round(2).tolist()
    return dict(zip(_PERCENTILES, found, strict=True))


def _stream(counts: Counter[str], number: int, source: Source, state: str) -> dict[str, Any]:
    reconnects = 0
    if isinstance(source, Reconnecting):
        reconnects = source.reconnects
        if state == "running" and not source.connected:
            state = "reconnecting"
    return {
        "name": source.name,
        "frames": counts[f"frames {number}"],
        "dropped": counts[f"dropped {number}"],
        "reconnects": reconnects,
        "state": state,
    }

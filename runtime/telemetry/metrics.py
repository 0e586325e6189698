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

#: Latest durations kept per stage: bounds memory over months of running.
_WINDOW = 4096

#: Latest results that `rate` looks at.
_RATE_RESULTS = 90


class Metrics:
    """Durations and counts, from several threads."""

    def __init__(self, sources: Sequence[Source] = ()) -> None:
        """Starts the clock.

        Args:
            sources: The streams, by number; asked for their names and reconnects.
        """
        self._lock = threading.Lock()
        self._sources = tuple(sources)
        self._states = ["running"] * len(self._sources)
        self._durations: dict[str, deque[float]] = {}
        self._totals: dict[str, tuple[int, float]] = {}
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
            self._durations.setdefault(name, deque(maxlen=_WINDOW)).append(milliseconds)
            count, seconds = self._totals.get(name, (0, 0.0))
            self._totals[name] = count + 1, seconds + milliseconds / 1e3

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
        self.observe("latency", latency_ms)
        with self._lock:
            self._counts["frames"] += 1
            self._counts[f"frames {stream}"] += 1
            self._counts["faces"] += faces
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
        with self._lock:
            return dict(self._totals)

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
            frames = self._counts["frames"]
            first = self._first if self._first is not None else self._last
            span = self._last - first
            return {
                "frames": frames,
                "faces": self._counts["faces"],
                "dropped": self._counts["dropped"],
                "seconds": round(self._last - self._started, 3),
                "first_result_s": round(first - self._started, 3),
                "fps": round((frames - 1) / span, 1) if frames > 1 and span > 0 else 0.0,
                "stages": {
                    name: dict(
                        zip(
                            ("p50", "p90", "p99"),
                            np.percentile(values, (50, 90, 99)).round(2).tolist(),
                            strict=True,
                        )
                    )
                    for name, values in self._durations.items()
                },
                "streams": [self._stream(number) for number in range(len(self._sources))],
            }

    def _stream(self, number: int) -> dict[str, Any]:
        source, state = self._sources[number], self._states[number]
        reconnects = 0
        if isinstance(source, Reconnecting):
            reconnects = source.reconnects
            if state == "running" and not source.connected:
                state = "reconnecting"
        return {
            "name": source.name,
            "frames": self._counts[f"frames {number}"],
            "dropped": self._counts[f"dropped {number}"],
            "reconnects": reconnects,
            "state": state,
        }

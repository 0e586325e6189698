"""Load shedding: less work where results take too long, in a fixed order; never a queue."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class Level:
    """How much work a frame is worth at one level of load shedding.

    Attributes:
        detect_every: Of a stream's detections only each n-th is run; in between, tracks
            go on where they were heading.
        faces: Most faces that are classified in one go, those without a label aside;
            None classifies all.
        detect_scale: Size of what the detector sees, as a share of its usual one.
    """

    detect_every: int = 1
    faces: int | None = None
    detect_scale: float = 1.0


#: From all of the work to the least, each level sheds more. First what costs
#: nobody much (boxes are predicted well over 100 ms: at 30 frames a second, with
#: 50 ms between two detections, they are 67, 133 and 200 ms apart), then how many
#: faces are classified, last the detector's size, which loses small faces.
LEVELS = (
    Level(),
    Level(2),
    Level(3),
    Level(3, 8),
    Level(3, 4),
    Level(3, 2),
    Level(3, 1),
    Level(3, 1, 0.8),
    Level(3, 1, 0.6),
)

#: Time over which latencies are judged, and least number of them: of a slow
#: machine's frames fewer come in that time, and older ones count too.
_WINDOW_S, _LEAST = 1.0, 8

#: Part of the target below which work is taken up again.
_EASY = 0.6

#: Time without strain before work is taken up again, and the longest that
#: failing at it can make this, in seconds.
_REST_S, _LONGEST_REST_S = 3.0, 60.0


class LoadShedding:
    """Moves along `LEVELS` so that the 99th percentile of latency keeps to a target.

    One level down whenever a second's latencies break the target (eight frames
    are enough), then new ones are waited for; one level up after a time of ease,
    which doubles each time that a step up had to be taken back at once, and
    halves with each that held. Steps that change nothing for the faces that are
    there (a limit of eight where there are two) are passed over.
    """

    def __init__(
        self,
        target_ms: float | None,
        clock: Callable[[], float] = time.monotonic,
        sheds_detections: bool = True,
    ) -> None:
        """Starts with all of the work.

        Args:
            target_ms: Longest time from capture to result that 99% of frames
                may take; None sheds nothing, ever.
            clock: Monotonic time in seconds.
            sheds_detections: False where every frame is searched at full size, whatever
                the level.
        """
        self._sheds_detections = sheds_detections
        self._target_ms = target_ms
        self._clock = clock
        self._recent: deque[tuple[float, float, int]] = deque()
        self._level = 0
        self._changed_s = self._strained_s = clock()
        self._rest_s = _REST_S
        self._steps = 0
        self._deepest = 0
        # Whether the latest step took work up again.
        self._climbed = False

    @property
    def level(self) -> Level:
        """What a frame is worth now. Can be read from any thread."""
        return LEVELS[self._level]

    def observe(self, latency_ms: float, faces: int) -> None:
        """Takes a frame's result; one thread calls it.

        Args:
            latency_ms: Its time from capture to result.
            faces: Faces that were there to be read in the same go.
        """
        if self._target_ms is None:
            return
        now = self._clock()
        # Frames that were on their way at the latest step say nothing of the new level.
        if self._steps and now - latency_ms / 1e3 < self._changed_s:
            return
        self._recent.append((now, latency_ms, faces))
        while len(self._recent) > _LEAST and now - self._recent[0][0] > _WINDOW_S:
            self._recent.popleft()
        # The lower of two: interpolated, it would be the worst of a second's
        # frames, and a straggler every few seconds, which the target allows,
        # would shed one step after the other.
        latest = np.percentile([ms for _, ms, _ in self._recent], 99, method="lower")
        if latest > _EASY * self._target_ms:
            self._strained_s = now
        if latest > self._target_ms and len(self._recent) >= _LEAST:
            self._shed(now)
        elif self._level and now - max(self._strained_s, self._changed_s) > self._rest_s:
            self._move(self._next(-1), now)

    def figures(self) -> dict[str, Any]:
        """What is shed now, the most that was, and how often it changed."""
        return {
            "target_ms": self._target_ms,
            "level": self._level,
            "deepest": self._deepest,
            "changes": self._steps,
            "look_every": self.level.detect_every,
            "faces": self.level.faces,
            "detect_scale": self.level.detect_scale,
        }

    def _shed(self, now: float) -> None:
        level = self._next(1)
        if self._work(level) == self._work(self._level):
            return  # nothing more can be shed
        if now - self._changed_s < 2 * _WINDOW_S and self._climbed:
            self._rest_s = min(2 * self._rest_s, _LONGEST_REST_S)
        self._move(level, now)

    def _next(self, step: int) -> int:
        """The next level, higher or lower, at which there is other work; or the last."""
        level = self._level
        while 0 <= level + step < len(LEVELS):
            level += step
            if self._work(level) != self._work(self._level):
                break
        return level

    def _work(self, level: int) -> tuple[int, int, float]:
        """What a level does with as many faces as there were recently."""
        at, most = LEVELS[level], max((faces for _, _, faces in self._recent), default=0)
        return (
            at.detect_every if self._sheds_detections else 1,
            most if at.faces is None else min(most, at.faces),
            at.detect_scale if self._sheds_detections else 1.0,
        )

    def _move(self, level: int, now: float) -> None:
        if level < self._level and self._climbed:  # the step up before held
            self._rest_s = max(self._rest_s / 2, _REST_S)
        self._climbed = level < self._level
        self._level = level
        self._deepest = max(self._deepest, level)
        self._steps += 1
        self._changed_s = now
        # What was measured before says nothing of the new level.
        self._recent.clear()

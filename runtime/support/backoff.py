"""Tries again after growing pauses, until it works, takes too long or is interrupted."""

from __future__ import annotations

import math
import random
import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

#: First and longest pause between two tries, in seconds.
_PAUSES_S = (0.5, 30.0)


class Pauses:
    """Pauses between tries: each twice as long as the last, up to a longest."""

    def __init__(
        self,
        jitter: Callable[[], float] = random.random,
        limits_s: tuple[float, float] | None = None,
    ) -> None:
        """Starts with the shortest.

        Args:
            jitter: Gives 0 to 1; makes a pause up to a fifth shorter, so that many
                clients of one dead server don't all come at the same moment.
            limits_s: First and longest pause in seconds; half a second and half a
                minute where it isn't given.
        """
        self._jitter = jitter
        self._limits_s = limits_s
        self._tries = 0

    def next_s(self) -> float:
        """The next pause in seconds."""
        first, longest = self._limits_s or _PAUSES_S
        self._tries += 1
        # The exponent is bounded: after weeks a float would overflow.
        pause: float = min(first * 2.0 ** min(self._tries - 1, 20), longest)
        return pause * (1 - 0.2 * self._jitter())

    def reset(self) -> None:
        """Starts with the shortest again."""
        self._tries = 0


class Retry:
    """Tries until something is there."""

    def __init__(
        self,
        limit_s: float = math.inf,
        *,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], bool] | None = None,
        pauses: Pauses | None = None,
    ) -> None:
        """Has tried nothing yet.

        Args:
            limit_s: How long `until` may try, in seconds: 0 for not at all, infinity
                for ever.
            clock: Gives seconds that never go back.
            wait: Waits so many seconds; True at once when interrupted.
            pauses: The pauses between tries.
        """
        self.limit_s = limit_s
        self.clock = clock
        self.pauses = pauses or Pauses()
        self._interrupted = threading.Event()
        self._wait = wait or self._interrupted.wait

    @property
    def interrupted(self) -> bool:
        """Whether `interrupt` was called."""
        return self._interrupted.is_set()

    def interrupt(self) -> None:
        """Ends the waiting, now and later. For another thread, not for a signal handler."""
        self._interrupted.set()

    def until(self, attempt: Callable[[], T | None]) -> T | None:
        """Pauses and tries, in turns.

        Args:
            attempt: Gives None where it failed.

        Returns:
            What it gave; None when interrupted.

        Raises:
            TimeoutError: The time is over.
        """
        began = self.clock()
        while True:
            left = self.limit_s - (self.clock() - began)
            if left <= 0:
                raise TimeoutError
            if self._wait(min(self.pauses.next_s(), left)):
                return None
            found = attempt()
            if found is not None or self.interrupted:
                return found

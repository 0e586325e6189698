"""Groups work into batches, purely: the clock is injected."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Batcher(Generic[T]):
    """Collects weighted items until the batch is full or the first has waited long enough."""

    def __init__(self, max_size: int, max_wait_s: float, clock: Callable[[], float]) -> None:
        """Makes an empty batcher.

        Args:
            max_size: Weight at which a batch is due, at least 1.
            max_wait_s: Longest that the first item waits, in seconds.
            clock: Monotonic time in seconds.
        """
        if max_size < 1 or max_wait_s < 0:
            raise ValueError(
                f"max_size must be 1 or more and max_wait_s 0 or more: {max_size}, {max_wait_s}"
            )
        self._max_size = max_size
        self._max_wait_s = max_wait_s
        self._clock = clock
        self._items: list[T] = []
        self._weight = 0
        self._since = 0.0

    def add(self, item: T, weight: int = 1) -> None:
        """Adds an item that counts as `weight` (0 or more) towards the size."""
        if not self._items:
            self._since = self._clock()
        self._items.append(item)
        self._weight += weight

    @property
    def full(self) -> bool:
        """Whether the batch has reached its size."""
        return self._weight >= self._max_size

    def wait_s(self) -> float:
        """Seconds that the batch may still wait for more; 0 when it is due."""
        if self.full:
            return 0.0
        if not self._items:
            return self._max_wait_s
        return max(0.0, self._since + self._max_wait_s - self._clock())

    def take(self) -> list[T]:
        """The batch in order of arrival; the batcher is empty afterwards."""
        items, self._items, self._weight = self._items, [], 0
        return items

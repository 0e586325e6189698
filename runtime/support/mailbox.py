"""Bounded hand-off between threads."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Iterator
from enum import Enum
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Policy(Enum):
    """What a full mailbox does with one more item."""

    LATEST = "latest"  #: drops the oldest item of the same key: live sources
    BLOCK = "block"  #: makes the sender wait: files


class Closed(Exception):
    """The mailbox is closed (and, for a reader, empty)."""


class Mailbox(Generic[T]):
    """A bounded queue with a lane for each key, read in turns.

    Senders with different keys (streams) don't crowd each other out: each has
    its own lane of `capacity` items, and `get` goes round the lanes.
    """

    def __init__(self, capacity: int) -> None:
        """Makes an empty mailbox.

        Args:
            capacity: Items a lane holds, at least 1.
        """
        if capacity < 1:
            raise ValueError(f"capacity must be at least 1, not {capacity}")
        self._capacity = capacity
        self._lanes: OrderedDict[int, deque[T]] = OrderedDict()
        self._changed = threading.Condition()
        self._closed = False

    def put(self, item: T, key: int = 0, policy: Policy = Policy.BLOCK) -> int:
        """Adds an item.

        Args:
            item: What to hand over.
            key: Its lane.
            policy: What to do when the lane is full.

        Returns:
            Number of items dropped to make room: 0 or 1.

        Raises:
            Closed: The mailbox is, or was while waiting, closed.
        """
        with self._changed:
            lane = self._lanes.setdefault(key, deque())
            dropped = 0
            while len(lane) >= self._capacity and not self._closed:
                if policy is Policy.LATEST:
                    lane.popleft()
                    dropped = 1
                else:
                    self._changed.wait()
            if self._closed:
                raise Closed
            lane.append(item)
            self._changed.notify_all()
            return dropped

    def get(self, timeout_s: float | None = None) -> T | None:
        """Takes the next item.

        Args:
            timeout_s: Longest wait; None waits for ever, 0 only looks.

        Returns:
            The item, or None when the time ran out.

        Raises:
            Closed: The mailbox is closed and empty.
        """
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        with self._changed:
            while True:
                for key, lane in self._lanes.items():
                    if lane:
                        item = lane.popleft()
                        self._lanes.move_to_end(key)
                        self._changed.notify_all()
                        return item
                if self._closed:
                    raise Closed
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    return None
                self._changed.wait(left)

    def __iter__(self) -> Iterator[T]:
        """Items until the mailbox is closed and empty."""
        while True:
            try:
                item = self.get()
            except Closed:
                return
            assert item is not None  # only a time limit gives None
            yield item

    def close(self, discard: bool = False) -> None:
        """Lets no more in; readers get what is left.

        Args:
            discard: Throw away what is left.
        """
        with self._changed:
            self._closed = True
            if discard:
                self._lanes.clear()
            self._changed.notify_all()

    def __len__(self) -> int:
        with self._changed:
            return sum(len(lane) for lane in self._lanes.values())


def pass_end(inbox: Mailbox[Any], outbox: Mailbox[Any]) -> None:
    """Tells the stage before to stop at once, and the one after to finish what is there."""
    inbox.close(discard=True)
    outbox.close()

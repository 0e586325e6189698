"""Results to another machine, which may be slow or gone.

`write` only puts a message into a bounded queue, and a thread sends it: the
pipeline never waits for a receiver. A full queue drops its oldest message.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from typing import Protocol

from runtime.messages import FrameResult
from runtime.sinks.files.jsonl import to_line
from runtime.support.backoff import Pauses
from runtime.support.threads import background

log = logging.getLogger(__name__)

#: Messages that wait for a slow receiver: ten seconds at 30 frames a second.
CAPACITY = 300

#: Longest time of one `Transport.send`, in seconds.
TIMEOUT_S = 5.0

#: Longest wait for the last messages on closing, in seconds.
FLUSH_S = 2.0

#: Shortest time between two lines about failures: a receiver that fails and works in
#: turns must not fill the log. In seconds.
_QUIET_S = 60.0

#: Time between two looks after an idle connection, in seconds.
_IDLE_S = 1.0

#: Time between two tries on closing, in seconds.
_LAST_PAUSE_S = 0.1


class SendError(Exception):
    """The receiver can't be reached or isn't well: try again. Names no credentials."""


class Rejected(SendError):
    """The receiver won't have these messages: trying again is no use."""


class Transport(Protocol):
    """Carries messages to a receiver; called by one thread.

    Attributes:
        kind: One word for it: `mqtt`, `webhook`.
        name: What messages call it; without user, password and query.
        batch: Most messages in one `send`.
    """

    kind: str
    name: str
    batch: int

    def send(self, messages: list[bytes]) -> None:
        """Returns once the receiver has all of them; it may get some twice.

        Raises:
            SendError: It hasn't, or perhaps not all.
        """
        ...

    def idle(self) -> None:
        """Looks after the connection while there is nothing to send; raises nothing."""
        ...

    def close(self) -> None:
        """Ends the connection."""
        ...


class RemoteSink:
    """Sends every frame's JSON object, from a thread of its own.

    Failures are logged once, not at each try, at most one a minute, and never
    end the pipeline.
    """

    def __init__(
        self,
        transport: Transport,
        capacity: int = CAPACITY,
        pauses: Pauses | None = None,
        flush_s: float = FLUSH_S,
    ) -> None:
        """Starts the thread; it connects with the first message.

        Args:
            transport: Carries the messages; the sink closes it.
            capacity: Messages that may wait.
            pauses: The pauses after failures.
            flush_s: Longest wait for the last messages on closing, in seconds.
        """
        self.kind = transport.kind
        self.name = transport.name
        self._transport = transport
        self._capacity = capacity
        self._pauses = pauses or Pauses()
        self._flush_s = flush_s
        self._queue: deque[bytes] = deque()
        self._sending: list[bytes] = []
        self._changed = threading.Condition()
        self._give_up_at: float | None = None  # set on closing
        self._closed = False
        # Which of the failures that go on were told, refusals (True) and others (False), and
        # until when nothing more is said of either.
        self._told: set[bool] = set()
        self._quiet_until = {True: 0.0, False: 0.0}
        self._sent = self._dropped = self._refused = self._lost = 0
        self._thread = background(f"send to {self.name}", self._run)

    def write(self, result: FrameResult) -> None:
        """Queues one frame's result; never waits for the receiver."""
        message = to_line(result).encode()
        with self._changed:
            self._queue.append(message)
            self._trim()
            self._changed.notify_all()

    def begin_close(self) -> None:
        """Starts the time limit of `close`, so that several sinks share it."""
        with self._changed:
            if self._give_up_at is None:
                self._give_up_at = time.monotonic() + self._flush_s
            self._changed.notify_all()

    def close(self) -> None:
        """Waits for what is queued, for two seconds at most, then says what is lost."""
        if self._closed:
            return
        self._closed = True
        self.begin_close()
        assert self._give_up_at is not None
        self._thread.join(max(0.0, self._give_up_at - time.monotonic()))
        with self._changed:
            self._lost = len(self._queue) + len(self._sending)
            self._queue.clear()
            self._sending = []
        if self._lost:
            log.warning("%s: gave up; %d messages lost", self.name, self._lost)
        if self._refused:
            log.warning("%s: %d messages refused by the receiver", self.name, self._refused)
        if self._dropped:
            log.warning("%s: %d messages dropped, too slow or gone", self.name, self._dropped)
        log.info("%s: %d messages sent", self.name, self._sent)

    def counts(self) -> dict[str, int]:
        """Messages: `sent`, `dropped` from a full queue, `refused`, `queued`, `lost` on closing."""
        with self._changed:
            return {
                "sent": self._sent,
                "dropped": self._dropped,
                "refused": self._refused,
                "queued": len(self._queue) + len(self._sending),
                "lost": self._lost,
            }

    def _run(self) -> None:
        """The thread: until closed and empty, or out of time."""
        try:
            while True:
                with self._changed:
                    closing = self._give_up_at
                    if closing is not None and (not self._queue or time.monotonic() >= closing):
                        return
                    if not self._queue:
                        self._changed.wait(_IDLE_S)
                    for _ in range(min(len(self._queue), self._transport.batch)):
                        self._sending.append(self._queue.popleft())
                    batch = list(self._sending)
                if batch:
                    self._attempt(batch)
                else:
                    self._transport.idle()
        finally:
            self._transport.close()

    def _attempt(self, batch: list[bytes]) -> None:
        """Sends a batch, or puts it back and pauses."""
        trouble: str | None = None
        rejected = False
        try:
            self._transport.send(batch)
        except SendError as error:
            trouble, rejected = str(error), isinstance(error, Rejected)
        except Exception as error:  # no defect of a library may end the sending
            # Its text might hold the URL.
            trouble = type(error).__name__
        with self._changed:
            if not self._sending:
                return  # given up in the meantime, and counted as lost
            self._sending = []
            if trouble is None:
                self._sent += len(batch)
            elif rejected:
                self._refused += len(batch)
            else:
                self._queue.extendleft(reversed(batch))
                self._trim()
        if trouble is None:
            if self._told:
                missed = self._dropped + self._refused
                log.info("%s: works again (%d dropped or refused so far)", self.name, missed)
            self._told.clear()
            self._pauses.reset()
        else:
            now = time.monotonic()
            if rejected not in self._told and now >= self._quiet_until[rejected]:
                what = "they are dropped" if rejected else "trying again"
                log.warning("%s: %s; %s, frames go on", self.name, trouble, what)
                self._told.add(rejected)
                self._quiet_until[rejected] = now + _QUIET_S
            self._pause()

    def _pause(self) -> None:
        """Waits, longer after each failure; closing cuts it short."""
        pause = self._pauses.next_s()
        with self._changed:
            if self._give_up_at is None:
                self._changed.wait_for(lambda: self._give_up_at is not None, pause)
            else:
                self._changed.wait(min(pause, _LAST_PAUSE_S))

    def _trim(self) -> None:
        """Drops the oldest messages beyond the capacity; the caller holds the lock."""
        while len(self._queue) > self._capacity:
            self._queue.popleft()
            self._dropped += 1

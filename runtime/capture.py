"""Sources -> frames: what the capture threads do."""

from __future__ import annotations

import time

from runtime.errors import StageError
from runtime.mailbox import Mailbox, Policy
from runtime.messages import Frame
from runtime.metrics import Metrics
from runtime.preprocess import to_bgr
from runtime.sources.group import SourceGroup
from runtime.stages import Stages, naming


class Capture:
    """Reads each source of a group into one mailbox, a lane for each stream."""

    def __init__(
        self, group: SourceGroup, frames: Mailbox[Frame], stages: Stages, metrics: Metrics
    ) -> None:
        """Reads nothing yet.

        Args:
            group: The sources.
            frames: Where frames go; it is closed after the last source's end.
            stages: Whose stop ends the reading.
            metrics: Gets the times of `capture`, drops and states.
        """
        self._group, self._frames = group, frames
        self._stages, self._metrics = stages, metrics

    def run(self, stream: int) -> None:
        """Reads a source to its end; only the last failure of all is raised."""
        state = "stopped"
        try:
            if self._read(stream):
                state = "ended"
        except StageError as error:
            if not self._stages.stopped:
                state = "failed"
                self._group.fail(stream, error)
        finally:
            self._metrics.set_state(stream, state)

    def ended(self, stream: int) -> None:
        """Notes that a source's thread has ended, however it did."""
        if self._group.ended(stream):
            self._frames.close()

    def _read(self, stream: int) -> bool:
        """Sends a source's frames on; whether it came to its own end."""
        source = self._group.sources[stream]
        policy = Policy.LATEST if source.live else Policy.BLOCK
        index = 0
        while not self._stages.stopped:
            with self._metrics.time("capture"), naming("capture", index):
                got = source.read()
                if got is None:
                    return not self._stages.stopped
                picture, time_s, name = got
                image = to_bgr(picture)
            frame = Frame(stream, index, time_s, image, time.monotonic(), name)
            dropped = self._frames.put(frame, stream, policy)
            if dropped:
                self._metrics.dropped(stream, dropped)
            index += 1
        return False

"""Sources -> frames: what the capture threads do."""

from __future__ import annotations

import time
from dataclasses import replace

import cv2

from runtime.errors import StageError
from runtime.messages import Frame
from runtime.pipeline.failed_frames import FailedFrames
from runtime.sources.group import SourceGroup
from runtime.support.mailbox import Mailbox, Policy
from runtime.support.threads import Stages
from runtime.telemetry.metrics import Metrics
from runtime.telemetry.stillness import StillnessWatch
from runtime.tracking.shots import Shots

#: What a reader or a conversion raises for one frame: the next may be good.
_OF_ONE_FRAME = (cv2.error, MemoryError, ValueError)


class CaptureStage:
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
            ended = self._read(stream)
            if self._group.failed(stream):
                state = "failed"
            elif ended:
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
        """Sends a source's frames on, those that it can; whether it came to its own end."""
        source = self._group.sources[stream]
        failures = FailedFrames("capture", self._group, self._metrics)
        stillness, shots = StillnessWatch(source.name), Shots()
        index = -1
        while not self._stages.stopped and not self._group.failed(stream):
            index += 1
            try:
                with self._metrics.time("capture"):
                    frame = _checked(source.read())
                    if frame is not None:
                        # Here and not where it is first used: the stages after this one
                        # have the more to do, and what can't be converted fails alone.
                        image, shot = frame.picture.bgr(), shots.number(frame)
            except _OF_ONE_FRAME as error:
                failures.add(stream, index, error)
                continue
            except Exception as error:
                raise StageError("capture", index, error) from error
            if frame is None:
                failures.end()
                return not self._stages.stopped
            failures.worked(stream)
            # Whether it is live shows only once it is there, where it wasn't at the start.
            live = source.live
            if not frame.name:
                stillness.see(image, frame.time_s, live)
            frame = replace(
                frame,
                stream=stream,
                index=index,
                source=frame.source or source.name,
                shot=shot,
                captured=frame.captured or time.monotonic(),
            )
            policy = Policy.LATEST if live else Policy.BLOCK
            dropped = self._frames.put(frame, stream, policy)
            if dropped:
                self._metrics.dropped(stream, dropped)
        return False


def _checked(frame: Frame | None) -> Frame | None:
    """What a source's `read` gave, which may be one of the caller's own."""
    if frame is None or isinstance(frame, Frame):
        return frame
    raise TypeError(f"a source's read() must give a Frame or None, not a {type(frame).__name__}")

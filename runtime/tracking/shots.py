"""The shots of a stream, by their numbers."""

from __future__ import annotations

from runtime.messages import Frame
from runtime.tracking.shot_change import ShotChange


class Shots:
    """Numbers the shots of one stream, from 0."""

    def __init__(self) -> None:
        """Has seen nothing."""
        self._change = ShotChange()
        # Of the last frame: picture's name, losses of the source, and media time.
        self._before: tuple[str, int, float] | None = None
        self._number = 0

    def number(self, frame: Frame) -> int:
        """The shot of a frame: another one where nothing of the frames before it goes on.

        Args:
            frame: Each of the stream, in order.
        """
        # Where a source was lost, any time may have passed; pictures have nothing to do with
        # each other.
        now = (frame.name, frame.reconnects, frame.time_s)
        before, self._before = self._before, now
        apart = before is not None and (now[:2] != before[:2] or now[2] < before[2])
        if apart:
            self._change = ShotChange()
        if self._change.begins(frame.picture.bgr(), frame.time_s) or apart:
            self._number += 1
        return self._number

"""What gives a source its frames."""

from __future__ import annotations

from typing import Protocol

from runtime.vision.picture import Picture

#: Longest wait for a pipeline or stream to open or to give a frame, in seconds.
TIMEOUT_S = 5.0

#: A picture and its stamp in seconds, None where the container has none.
Stamped = tuple[Picture, float | None]


class Capture(Protocol):
    """An open camera, pipeline, file or stream. One thread reads it."""

    @property
    def fps(self) -> float:
        """Frames a second, as it says itself; 0 where it doesn't."""
        ...

    @property
    def frames(self) -> int:
        """Frames until its end; 0 where that is unknown or there is none."""
        ...

    @property
    def ended(self) -> bool:
        """Whether it is known that nothing more will come."""
        ...

    def read(self) -> Stamped | None:
        """The next frame and its stamp.

        Returns:
            None where there is no frame or it is broken; the next may be good.
        """
        ...

    def interrupt(self) -> None:
        """Ends the waiting in `read`, where that can be done. For another thread."""
        ...

    def close(self) -> None:
        """Frees device, file or connection."""
        ...


def failure_of(capture: Capture) -> str:
    """Why a capture gives no more, in words; empty where it can't tell."""
    return str(getattr(capture, "failure", ""))


def silence_of(capture: Capture) -> float:
    """How long a read may take in seconds: after more, what it gives is old."""
    return float(getattr(capture, "silence_s", 0.95 * TIMEOUT_S))

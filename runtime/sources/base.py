"""What a source of frames is."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray


class Source(Protocol):
    """A run of frames. One thread reads it."""

    @property
    def name(self) -> str:
        """What it is, for the log; without credentials."""
        ...

    @property
    def live(self) -> bool:
        """True where frames that aren't read in time are lost anyway."""
        ...

    @property
    def fps(self) -> float:
        """Nominal frames per second."""
        ...

    def read(self) -> tuple[NDArray[np.uint8], float, str] | None:
        """The next picture ((H, W, 3) uint8 BGR), its media time in seconds, its file name.

        Returns:
            None at the end.

        Raises:
            SourceError: The source broke.
        """
        ...

    def close(self) -> None:
        """Frees the device or file; a second call does nothing."""
        ...


@runtime_checkable
class Interruptible(Protocol):
    """A source whose `read` may wait for long."""

    def interrupt(self) -> None:
        """Ends the waiting in `read`, now and later. For another thread or a signal handler."""
        ...


@runtime_checkable
class Reconnecting(Protocol):
    """A source that comes back after a loss."""

    @property
    def connected(self) -> bool:
        """False while it is being looked for."""
        ...

    @property
    def reconnects(self) -> int:
        """How often it came back."""
        ...

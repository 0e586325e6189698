"""What a sink is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from runtime.messages import FrameResult


class Sink(Protocol):
    """Takes results on the main thread.

    Attributes:
        name: What messages call it; without credentials.
    """

    name: str

    def write(self, result: FrameResult) -> None:
        """Takes one frame's result.

        Raises:
            UserError: It can't be written; what was written before stays readable.
        """
        ...

    def close(self) -> None:
        """Finishes the output; a second call does nothing."""
        ...

"""What a source of frames is, and how it may be named in a log."""

from __future__ import annotations

import re
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


#: Names of what is secret, in a stream's path or among a GStreamer element's properties.
_SECRET = r"(?i)\b((?:proxy-|user-)?(?:user(?:name)?|id|pass(?:word|wd|phrase)?|pw|pwd|token))"


def hide_credentials(text: str) -> str:
    """URLs without user, password and query, for messages and logs.

    Hides too much rather than too little where a URL is badly formed.

    Args:
        text: A URL, or a GStreamer pipeline with URLs and secrets in it.
    """
    if " ! " in text:
        text = re.sub(r"(://)[^\s\"']*@", r"\1***@", text)
        text = re.sub(r"(://[^\s?\"']*)\?[^\s\"']*", r"\1", text)
        return re.sub(_SECRET + r"\s*=\s*(?:\"[^\"]*\"|\S+)", r"\1=***", text)
    # A password may hold any of / ? @ unescaped, so the last @ counts.
    text = re.sub(r"(://)(?:[^/]*|[^/]*:.*)@", r"\1***@", text, flags=re.DOTALL)
    return re.sub(_SECRET + r"=[^&/;]*", r"\1=***", text.split("?", 1)[0])

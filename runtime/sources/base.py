"""What a source of frames is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, runtime_checkable

from runtime.messages import Frame


class Source(Protocol):
    """A sequence of frames. One thread reads it.

    One of your own needs these members and no base class:

        class Arrays:
            name, live, fps = "arrays", False, 25.0

            def __init__(self, arrays):
                self._frames = (Frame(Picture(a), i / self.fps) for i, a in enumerate(arrays))

            def read(self):
                return next(self._frames, None)

            def interrupt(self): ...  # it never waits

            def close(self): ...  # it holds nothing
    """

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

    def read(self) -> Frame | None:
        """The next frame, with its picture and media time; the pipeline numbers it.

        Returns:
            None at the end.

        Raises:
            SourceError: The source broke.
        """
        ...

    def interrupt(self) -> None:
        """Ends the waiting in `read`, now and later. For another thread.

        A source that never waits for long has nothing to do here.
        """
        ...

    def close(self) -> None:
        """Frees the device or file; a second call does nothing."""
        ...


@runtime_checkable
class Reconnecting(Protocol):
    """A source that comes back after a loss."""

    @property
    def connected(self) -> bool:
        """False while it is lost."""
        ...

    @property
    def reconnects(self) -> int:
        """How often it came back."""
        ...


@dataclass(frozen=True, slots=True)
class SoundFile:
    """Where the sound of a source can be read, beside its pictures.

    Attributes:
        path: A file that can be opened a second time.
        start_s: Its stamp at the source's media time 0, in seconds.
    """

    path: Path
    start_s: float


class TurnedSource:
    """A source whose pictures are turned, mirrored or both."""

    def __init__(self, source: Source, rotate: int, flip: str | None) -> None:
        """Takes a source over.

        Args:
            source: Closed with this one.
            rotate: As `Picture.turned` takes it.
            flip: The same.
        """
        self._source, self._rotate, self._flip = source, rotate, flip
        self.name = source.name

    @property
    def live(self) -> bool:
        """See `Source.live`."""
        return self._source.live

    @property
    def fps(self) -> float:
        """See `Source.fps`."""
        return self._source.fps

    @property
    def connected(self) -> bool:
        """See `Reconnecting`."""
        source = self._source
        return source.connected if isinstance(source, Reconnecting) else True

    @property
    def reconnects(self) -> int:
        """See `Reconnecting`."""
        source = self._source
        return source.reconnects if isinstance(source, Reconnecting) else 0

    @property
    def sound(self) -> SoundFile | None:
        """Where its sound is, if anywhere."""
        return getattr(self._source, "sound", None)

    def read(self) -> Frame | None:
        """See `Source.read`."""
        frame = self._source.read()
        if frame is None:
            return None
        return replace(frame, picture=frame.picture.turned(self._rotate, self._flip))

    def interrupt(self) -> None:
        """See `Source.interrupt`."""
        self._source.interrupt()

    def close(self) -> None:
        """See `Source.close`."""
        self._source.close()


def turned(source: Source, rotate: int, flip: str | None) -> Source:
    """A source with its pictures turned; itself where nothing is asked for."""
    return TurnedSource(source, rotate, flip) if rotate or flip else source

"""Pictures, and folders of them, as a source."""

from __future__ import annotations

import logging
from pathlib import Path

from runtime.errors import SourceError
from runtime.messages import Frame
from runtime.pictures.reading import read_picture
from runtime.vision.picture import Picture

log = logging.getLogger(__name__)

#: Pictures a second of a folder: so slow that no label carries over to the next.
_FOLDER_FPS = 0.5


class PictureSource:
    """Pictures one by one, two seconds each; unreadable ones are skipped, which is logged."""

    live = False
    fps = _FOLDER_FPS

    def __init__(self, files: list[Path], name: str) -> None:
        self.name = name
        self._files = iter(files)
        self._index = 0

    def read(self) -> Frame | None:
        """See `Source.read`."""
        for file in self._files:
            try:
                image = read_picture(file)
            except SourceError as error:
                log.warning("skipped: %s", error)
                continue
            self._index += 1
            return Frame(Picture(image), (self._index - 1) / self.fps, name=str(file))
        if not self._index:
            raise SourceError(f"{self.name}: none of its pictures can be read")
        return None

    def interrupt(self) -> None:
        """Never waits for long."""

    def close(self) -> None:
        """Holds nothing."""

"""A text file that holds whole lines only."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from runtime.errors import UserError
from runtime.sinks.files.segments import OutputFiles, Segments
from runtime.support.files.writing import PRIVATE, check_writable, write_all
from runtime.support.redaction import unicode_text
from runtime.support.terminal import is_closed


class LineFile:
    """Lines, on disk at once; `-` is standard output.

    What one call adds is written whole or, on a full disk, taken back.
    """

    def __init__(
        self, path: str, flag: str, mode: int = PRIVATE, segments: Segments | None = None
    ) -> None:
        """Remembers the path; the file is opened by the first text.

        Args:
            path: File to write, or `-`.
            flag: Option that named it, for messages.
            mode: Permissions of the file.
            segments: Where it is cut into several; None for one file.

        Raises:
            UserError: The file can't be written.
        """
        self._path = path
        #: Its files.
        self.files = OutputFiles(Path(path), mode, segments)
        #: Flag and path, for messages.
        self.name = f"{flag} {path}"
        self._fd: int | None = None
        self._whole = 0  # bytes of whole lines
        if path != "-":
            check_writable(Path(path), flag)
        elif is_closed(sys.stdout):
            raise UserError(f"{flag} -: standard output is closed")

    def begins(self, time_s: float) -> bool:
        """Whether a new file begins with this result, as the first one does.

        Args:
            time_s: The result's media time.

        Raises:
            UserError: The last file can't be closed.
        """
        begins = self.files.begins(time_s)
        if begins:
            self._close()
            self._whole = 0
        return begins

    def add(self, text: str) -> None:
        """Writes lines.

        Args:
            text: Whole lines, each with its end.

        Raises:
            UserError: The disk is full, or the file went away.
        """
        if self._path == "-":
            try:
                sys.stdout.write(text)
                sys.stdout.flush()
            except BrokenPipeError:  # the reader went away, which is no fault
                raise
            except OSError as error:
                raise UserError(f"{self.name}: {error.strerror}") from error
            return
        lines = unicode_text(text).encode()
        try:
            if self._fd is None:
                self._fd = self.files.open()
            write_all(self._fd, lines)
        except OSError as error:
            self._take_back()
            raise UserError(f"{self.name}: {error.strerror}") from error
        self._whole += len(lines)

    def close(self) -> None:
        """Closes the file; a second call does nothing."""
        try:
            self._close()
        finally:
            self.files.close()

    def _close(self) -> None:
        fd, self._fd = self._fd, None
        if fd is None:
            return
        try:
            os.close(fd)
        except OSError as error:  # a network's disk may be full only now
            raise UserError(f"{self.name}: {error.strerror}") from error

    def _take_back(self) -> None:
        """Cuts off half-written lines; pipes and devices can't be cut."""
        if self._fd is not None:
            try:
                os.ftruncate(self._fd, self._whole)
            except OSError:
                pass

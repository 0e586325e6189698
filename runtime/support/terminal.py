"""Standard output and error that may be full, closed, gone or unable to show a character."""

from __future__ import annotations

import io
import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from runtime.errors import UserError

#: Longest wait for a terminal that takes no message, in seconds.
_WAIT_S = 1.0


class _Stream(io.RawIOBase):
    """Writes to a descriptor that others may share, and that may not block."""

    def __init__(self, fd: int, forgiving: bool) -> None:
        """Takes no ownership.

        Args:
            fd: The descriptor.
            forgiving: Drop what can't be written; else a `UserError` says so.
        """
        self._fd, self._forgiving = fd, forgiving

    def write(self, data: Any) -> int:
        left = memoryview(data).cast("B")
        size = len(left)
        while left:
            try:
                left = left[os.write(self._fd, left) :]
            except BlockingIOError:
                ready = select.select([], [self._fd], [], _WAIT_S if self._forgiving else None)
                if not ready[1]:
                    break
            except BrokenPipeError:
                if not self._forgiving:
                    raise
                break
            except OSError as error:
                if not self._forgiving:
                    raise UserError(f"standard output: {error.strerror}") from error
                break
        return size

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._fd

    def isatty(self) -> bool:
        try:
            return os.isatty(self._fd)
        except OSError:
            return False


@contextmanager
def standard_streams() -> Iterator[None]:
    """What is printed inside can be printed anywhere.

    A character that a terminal lacks gets an escape in its place. Messages that standard
    error doesn't take are dropped; what standard output doesn't take is a `UserError`, but
    where nobody has it open from the start nobody wants it. A closed descriptor leads to
    nowhere: else the next file that is opened would have its number, and get what libraries
    print. Streams that somebody has put in the place of these stay.
    """
    for fd in (0, 1, 2):
        _keep_open(fd)
    before = sys.stdout, sys.stderr
    sys.stdout = _robust(sys.stdout, sys.__stdout__, 1, forgiving=False)
    sys.stderr = _robust(sys.stderr, sys.__stderr__, 2, forgiving=True)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def is_closed(stream: TextIO | None) -> bool:
    """Whether nobody had this standard stream open at the start."""
    return stream is None or getattr(stream, "name", "") == os.devnull


def _keep_open(fd: int) -> None:
    try:
        os.fstat(fd)
    except OSError:
        # The lowest number that is free.
        os.open(os.devnull, os.O_RDWR)


def _robust(stream: Any, original: Any, fd: int, forgiving: bool) -> Any:
    if stream is None:
        return open(os.devnull, "w")
    if stream is not original:  # a test's, or a notebook's
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
        return stream
    raw: Any = _Stream(fd, forgiving)
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return io.TextIOWrapper(raw, encoding, "backslashreplace", write_through=True)

"""Untrusted files are read whole, within a limit, and never wait for a writer."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO


def open_input_file(path: Path, limit: int) -> tuple[BinaryIO, int]:
    """Opens a regular file.

    The opened file is what is checked, so nothing can be put in its place.

    Args:
        path: The file; links to it are followed.
        limit: Most bytes that it may have.

    Returns:
        The file, which the caller closes, and its size in bytes.

    Raises:
        OSError: It is missing, no regular file (a pipe, socket, device or folder), too
            large or can't be read; `strerror` says which.
    """
    try:
        # Without O_NONBLOCK a named pipe would wait for its writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, ValueError) as error:  # ValueError: a null character
        raise FileNotFoundError(2, "no such file", str(path)) from error
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        os.close(descriptor)
        raise OSError(22, "not a regular file", str(path))
    if found.st_size > limit:
        os.close(descriptor)
        raise OSError(27, f"too large (more than {limit >> 20} MiB)", str(path))
    return open(descriptor, "rb"), found.st_size


def read_input_file(path: Path, limit: int) -> bytes:
    """The bytes of a regular file.

    Args:
        path: As `open_input_file`.
        limit: As `open_input_file`.

    Raises:
        OSError: As `open_input_file`, or it is just being written.
    """
    stream, size = open_input_file(path, limit)
    with stream:
        try:
            data = stream.read(size + 1)
        except MemoryError as error:
            raise OSError(12, "too large for this machine's memory", str(path)) from error
    if len(data) > size:  # or a file of /proc, which has no size
        raise OSError(22, "it grew while it was read", str(path))
    return data

"""Files that are written: checked before any work, and never written through a link.

A file is made under a name that nobody can foresee, by a call that fails where
something has that name, and then takes the place of what stood at the path: a
link there, planted or not, is replaced, and what it pointed to stays as it was.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runtime.errors import UserError

#: Permissions of what shows or describes people: nobody but the owner may read it.
PRIVATE = 0o600

#: Permissions of everything else, less what the process's umask takes away.
PUBLIC = 0o666


def read_mode(text: str) -> int:
    """Permissions from an option.

    Raises:
        UserError: It isn't three octal digits that let the owner read and write.
    """
    if not re.fullmatch(r"0?[67][0-7]{2}", text):
        raise UserError(
            f'--output_mode must be three octal digits such as "640", in quotes in YAML, not {text}'
        )
    return int(text, 8)


def check_writable(path: Path, flag: str) -> None:
    """Fails early where a file can't be written, without touching what is there.

    Folders that are missing are made with the file, by `create`, `replacing` and
    `write_whole`; here it is enough that they could be.

    Raises:
        UserError: The folder is closed to us or can't be made, or the path is a folder.
    """
    if os.path.isdir(path):
        raise UserError(f"{flag} {path}: is a folder; name a file")
    try:
        if not os.path.lexists(path):
            _check_name(path)
        place = path if _special(path) else _nearest(path.parent)
    except OSError as error:
        what = "be written" if error.errno == errno.ENAMETOOLONG else "make its folder"
        raise UserError(f"{flag} {path}: can't {what} ({error.strerror})") from error
    if not os.access(place, os.W_OK):
        raise UserError(f"{flag} {path}: can't be written (permission denied)")


def _check_name(path: Path) -> None:
    """Asks the system about a file that isn't there.

    Raises:
        OSError: None of its name can be: it is too long.
    """
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        pass


def _nearest(folder: Path) -> Path:
    """The folder, or the first above it that is there.

    Raises:
        NotADirectoryError: Something else has the name of one of them.
    """
    while not os.path.isdir(folder):
        if os.path.lexists(folder):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))
        folder = folder.parent
    return folder


def create(path: Path, mode: int = PRIVATE) -> int:
    """Puts a new, empty file in a path's place, and opens it.

    A device or a pipe can't be replaced and is opened itself, where it is ours or
    the system's.

    Args:
        path: What to write.
        mode: Permissions of the file.

    Returns:
        A descriptor, open for writing.

    Raises:
        OSError: It can't be made.
    """
    if _special(path):
        return os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    partial, fd = _exclusive(path.parent, mode)
    try:
        os.replace(partial, path)
    except BaseException:
        os.close(fd)
        partial.unlink(missing_ok=True)
        raise
    return fd


def write_all(fd: int, data: bytes) -> None:
    """Writes all of some bytes: the system may take a part at a time.

    Raises:
        OSError: Not all of them could be written.
    """
    left = memoryview(data)
    while left:
        left = left[os.write(fd, left) :]


def create_new(path: Path, mode: int = PRIVATE) -> int:
    """Makes and opens a new file where nothing has its name, not even a link.

    Args:
        path: What to write; folders that are missing are made.
        mode: Permissions of the file.

    Returns:
        A descriptor, open for writing.

    Raises:
        OSError: Something has the name, or it can't be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)


@contextmanager
def replacing(path: Path, mode: int = PUBLIC) -> Iterator[Path]:
    """A new file that takes the path's place when the block ends without an error.

    Args:
        path: What to write.
        mode: Permissions of the file.

    Yields:
        Its path until then, beside the other; the file is there, and empty.

    Raises:
        OSError: It can't be made or put in place; an older file stays.
    """
    partial, fd = _exclusive(path.parent, mode)
    os.close(fd)
    try:
        yield partial
        fd = os.open(partial, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def writing(path: Path, flag: str = "", mode: int = PUBLIC) -> Iterator[Path]:
    """As `replacing`, for a file that the user asked for: a failure is one line.

    Args:
        path: What to write.
        flag: Option that named it, for the message; empty where none did.
        mode: Permissions of the file.

    Yields:
        As `replacing`.

    Raises:
        UserError: It can't be written; an older file stays.
    """
    try:
        with replacing(path, mode) as partial:
            yield partial
    except OSError as error:
        raise UserError(_failure(path, flag, error)) from error


def write_whole(path: Path, content: str | bytes, flag: str = "", mode: int = PUBLIC) -> None:
    """Writes a small file at once: a reader finds the old one or the new one, never a part.

    Args:
        path: What to write; a device or pipe is written itself.
        content: Text becomes UTF-8.
        flag: Option that named it, for the message; empty where none did.
        mode: Permissions of the file.

    Raises:
        UserError: It can't be written; an older file stays.
    """
    data = content.encode() if isinstance(content, str) else content
    try:
        if _special(path):
            path.write_bytes(data)
            return
        with replacing(path, mode) as partial:
            partial.write_bytes(data)
    except OSError as error:
        raise UserError(_failure(path, flag, error)) from error


def _failure(path: Path, flag: str, error: OSError) -> str:
    return f"{flag} {path}: {error.strerror or error}".lstrip()


def _special(path: Path) -> bool:
    """Whether it is a device or pipe of ours or the system's; anybody else's is replaced.

    Somebody else's is also what their link leads to. And the names of open files,
    such as /dev/stdout, are the system's, whatever they lead to.
    """
    try:
        link, found = os.lstat(path), os.stat(path)
    except (OSError, ValueError):
        return False
    if not {link.st_uid, found.st_uid} <= {0, os.geteuid()} or stat.S_ISDIR(found.st_mode):
        return False
    folder = os.path.realpath(path.parent)
    return not stat.S_ISREG(found.st_mode) or folder == "/dev" or folder.startswith("/proc/")


def _exclusive(folder: Path, mode: int) -> tuple[Path, int]:
    """A new file of an unforeseeable name: its path, and a descriptor open for writing."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f".{secrets.token_hex(8)}.partial"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    return path, os.open(path, flags, mode)

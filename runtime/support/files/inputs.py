"""What is read and what is written are kept apart, by whatever names."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence, Set
from pathlib import Path
from urllib.parse import unquote, urlsplit

from runtime.errors import UserError
from runtime.support.files.home import at_home
from runtime.support.redaction import shown_address

#: How an address begins that is no path.
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")

#: Names of standard output.
_STANDARD_OUTPUT = ("-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1")

_Identity = tuple[int, int] | str


def check_apart(
    outputs: Mapping[str, str | None],
    inputs: Sequence[str | Path],
    picture_suffixes: Set[str] = frozenset(),
    recursive: bool = False,
) -> None:
    """Refuses to write over an input, into a folder that is one, or two outputs into one file.

    Files are the same by path, through symbolic links and as hard links.

    Args:
        outputs: Path by flag; None and the null device are passed over, `-` is standard
            output.
        inputs: Files and folders that are read; also `file://` URLs, and other
            URLs and words, which are passed over.
        picture_suffixes: What is read of an input folder: no output with one of
            these may stand in it.
        recursive: Whether the folders in an input folder are read too.

    Raises:
        UserError: Two of them are the same file, or standard output, or an output
            would be read as an input.
    """
    taken: dict[_Identity, str] = {}
    folders: set[_Identity] = set()
    for given in inputs:
        path = local_path(given)
        if path is not None:
            taken[_identity(path)] = "it is an input"
            if os.path.isdir(path):
                folders.add(_identity(path))
    for flag, name in outputs.items():
        if name is None or name == os.devnull:
            continue
        if not name or _ADDRESS.match(name):
            raise UserError(f"{flag} must name a file, not {shown_address(name) or 'nothing'}")
        identity = "-" if name in _STANDARD_OUTPUT else _identity(Path(name))
        if identity == "-" and identity in taken:
            raise UserError(f"{flag} {name}: standard output is taken: {taken[identity]}")
        if identity in taken:
            raise UserError(f"{flag} {name}: would overwrite a file in use: {taken[identity]}")
        suffix = Path(name).suffix.lower()
        if suffix in picture_suffixes and folders & _places(Path(name).parent, recursive):
            raise UserError(f"{flag} {name}: would be read as a picture of that folder, an input")
        taken[identity] = f"it is {flag}"


def check_folder(
    folder: Path, flag: str, inputs: Sequence[str | Path], recursive: bool = False
) -> None:
    """Refuses to write pictures into a folder whose pictures are read.

    Args:
        folder: Where they are to go.
        flag: Option that named it.
        inputs: As in `check_apart`.
        recursive: The same.

    Raises:
        UserError: It is one of the inputs, or read with one.
    """
    places = _places(folder, recursive)
    if any(path is not None and _identity(path) in places for path in map(local_path, inputs)):
        raise UserError(
            f"{flag} {folder}: is an input; what is written there would be read as one next time"
        )


def local_path(given: str | Path) -> Path | None:
    """The file or folder that an input names; None for a URL."""
    if isinstance(given, Path):
        return given
    given = str(at_home(given))
    if given.lower().startswith("file:"):
        return Path(unquote(urlsplit(given).path, errors="surrogateescape"))
    # `./` before it makes the name of a file of what looks like an address.
    return None if _ADDRESS.match(given) else Path(given)


def _places(folder: Path, recursive: bool) -> set[_Identity]:
    """The folder, and those that it lies in if they are read with what is in them."""
    above = Path(os.path.realpath(folder)).parents if recursive else ()
    return {_identity(path) for path in (folder, *above)}


def _identity(path: Path) -> _Identity:
    """What two names of the same file have in common."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return os.path.realpath(path)
    return found.st_dev, found.st_ino

"""Folders of pictures, and what a list of paths names."""

from __future__ import annotations

import logging
import os
import re
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from runtime.errors import SourceError
from runtime.pictures.header import is_picture
from runtime.pictures.kinds import CONCATENATED, SUFFIXES
from runtime.support.files.reading import open_input_file
from runtime.support.redaction import printable

log = logging.getLogger(__name__)

#: Names of a list that a message shows, and files that are looked into for it.
_SHOWN, _TRIED = 5, 500


def list_pictures(folder: Path, recursive: bool = False) -> list[Path]:
    """The pictures of a folder, as people sort them: `img2` before `img10`.

    What is left out is said in one line of the log; hidden files and folders, whose names
    begin with a dot, are passed over.

    Args:
        folder: The folder.
        recursive: Read its folders too, each once, whatever links lead back to it.

    Raises:
        SourceError: There is none, or the folder can't be read.
    """
    name = printable(str(folder))
    found: list[Path] = []
    others: list[Path] = []
    folders: list[Path] = []
    try:
        for path in _entries(folder, recursive):
            if path.is_dir():
                folders.append(path)
            elif path.is_file() and path.suffix.lower() in SUFFIXES:
                found.append(path)
            else:
                others.append(path)
    except OSError as error:
        raise SourceError(f"{name}: {error.strerror}") from error
    left_out = []
    if others:
        # First those that may well be pictures.
        others.sort(key=lambda path: path.suffix.lower() not in SUFFIXES)
        likely = {path for path in others[:_TRIED] if _is_likely(path)}
        others.sort(key=lambda path: path not in likely)
        left_out.append(_named(others, folder, "other file"))
    if folders and not recursive:
        left_out.append(_named(folders, folder, "folder") + "; --recursive reads folders in it")
    if not found:
        rest = f"; left out: {'; '.join(left_out)}" if left_out else ""
        raise SourceError(
            f"{name}: no picture in this folder ({', '.join(sorted(SUFFIXES))}){rest}"
        )
    if left_out:
        log.info("%s: left out: %s", name, "; ".join(left_out))
    return sorted(found, key=lambda path: numeric_order(path.relative_to(folder)))


def collect_pictures(paths: Sequence[str | Path], recursive: bool = False) -> list[Path]:
    """The pictures that paths name: files as they are, folders opened.

    Args:
        paths: Files and folders.
        recursive: As in `list_pictures`.

    Raises:
        SourceError: A folder has none, or can't be read.
    """
    files: list[Path] = []
    for path in map(Path, paths):
        files += list_pictures(path, recursive) if os.path.isdir(path) else [path]
    return files


def numeric_order(path: str | Path) -> tuple[Any, ...]:
    """A key that sorts names as people do: numbers by their value, letters whatever their case.

    Digits are those of any script.

    Different paths have different keys.
    """
    text = os.fspath(path)
    return (*(_part(part) for part in text.split("/")), ((2, text),))


def _part(name: str) -> tuple[Any, ...]:
    # Numbers by their length, then their digits: they may be longer than any int should be.
    return tuple(
        (0, len(digits := _digits(part)), digits) if number % 2 else (1, part.casefold())
        for number, part in enumerate(re.split(r"(\d+)", name))
        if part
    )


def _digits(number: str) -> str:
    return "".join(str(unicodedata.decimal(digit)) for digit in number).lstrip("0")


def _entries(folder: Path, recursive: bool) -> Iterator[Path]:
    """What a folder holds that isn't hidden; a folder in it that can't be read is said."""
    waiting = [folder]
    seen = set()
    while waiting:
        place = waiting.pop()
        try:
            found = os.stat(place)
            if (found.st_dev, found.st_ino) in seen:
                continue
            seen.add((found.st_dev, found.st_ino))
            paths = sorted(path for path in place.iterdir() if not path.name.startswith("."))
        except OSError as error:
            if place is folder:
                raise
            log.warning("%s: left out: %s", printable(str(place)), error.strerror)
            continue
        yield from paths
        if recursive:
            waiting += [path for path in paths if path.is_dir()]


def _is_likely(path: Path) -> bool:
    """Whether a file that is left out has a picture's name, or begins as one."""
    if path.suffix.lower() in SUFFIXES:
        return True
    try:
        with open_input_file(path, sys.maxsize)[0] as stream:
            return path.suffix.lower() not in CONCATENATED and is_picture(stream.read(64))
    except OSError:
        return False


def _named(paths: Sequence[Path], folder: Path, what: str) -> str:
    """How many they are, and the first of them."""
    names = [printable(str(path.relative_to(folder))) for path in paths[:_SHOWN]]
    short = [name if len(name) <= 60 else f"{name[:57]}..." for name in names]
    dots = ", ..." if len(paths) > _SHOWN else ""
    return f"{len(paths)} {what}{'s' if len(paths) > 1 else ''} ({', '.join(short)}{dots})"

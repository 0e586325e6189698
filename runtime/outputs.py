"""Checks of output paths, before any work and without touching what is there."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from runtime.errors import UserError


def check_apart(outputs: Mapping[str, str | None], inputs: Sequence[str | Path]) -> None:
    """Refuses to write over an input, or two outputs into one file.

    Args:
        outputs: Path by flag; None is passed over, `-` is standard output.
        inputs: Files that are read.

    Raises:
        UserError: Two of them are the same file, or standard output.
    """
    taken = {os.path.realpath(path): "it is an input" for path in inputs}
    for flag, name in outputs.items():
        if name is None:
            continue
        if name == "-":
            if name in taken:
                raise UserError(f"{flag} -: standard output is taken: {taken[name]}")
            taken[name] = f"it is {flag}"
            continue
        path = os.path.realpath(name)
        if path in taken:
            raise UserError(f"{flag} {name}: would overwrite a file in use: {taken[path]}")
        taken[path] = f"it is {flag}"


def check_writable(path: Path, flag: str) -> None:
    """Fails early where a file can't be written.

    Raises:
        UserError: The folder is missing or closed to us, or the path is a folder.
    """
    folder = path.parent
    if path.is_dir():
        raise UserError(f"{flag} {path}: is a folder; name a file")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{flag} {path}: can't make its folder ({error.strerror})") from error
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise UserError(f"{flag} {path}: can't be written (permission denied)")


def write_whole(path: Path, text: str, flag: str) -> None:
    """Writes a small file at once: a reader finds the old one or the new one, never a part.

    Raises:
        UserError: It can't be written; an older file stays.
    """
    target = Path(os.path.realpath(path))  # a link stays a link
    partial = target.with_name(f"{target.name}.partial")
    try:
        if target.exists() and not target.is_file():
            target.write_text(text, encoding="utf-8")  # a device or pipe can't be replaced
            return
        try:
            with partial.open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(target)
        except OSError:
            partial.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise UserError(f"{flag} {path}: {error.strerror}") from error

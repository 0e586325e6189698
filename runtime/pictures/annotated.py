"""Where the annotated pictures go."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence, Set
from pathlib import Path

from runtime.pictures.download import shown_picture

#: Most bytes of a name before its number and suffix: a whole one has 255.
_LONGEST_STEM = 240


def annotated_files(
    pictures: Sequence[Path | str], folder: Path, others: Iterable[str | None]
) -> list[Path]:
    """An annotated picture's path for each input: no two alike, no input, no other output.

    Beside an input nothing that is there is replaced: it may be somebody's picture.

    Args:
        pictures: Files, and URLs.
        folder: Where the annotated ones go.
        others: Paths of the other outputs; None is passed over.
    """
    files = [picture for picture in pictures if isinstance(picture, Path)]
    taken = {os.path.realpath(file) for file in [*files, *map(Path, filter(None, others))]}
    # Of files with several names, too: whoever replaces one of them means another.
    linked = {(found.st_dev, found.st_ino) for found in map(_stat, files) if found}
    beside = os.path.realpath(folder) in {os.path.realpath(file.parent) for file in files}
    targets = []
    for picture in pictures:
        stem = picture.stem if isinstance(picture, Path) else Path(shown_picture(picture)).stem
        stem = os.fsdecode(os.fsencode(stem)[:_LONGEST_STEM])
        target, number = folder / f"{stem}.png", 1
        while (
            os.path.realpath(target) in taken
            or _is_one(target, linked)
            or (beside and os.path.lexists(target))
        ):
            number += 1
            target = folder / f"{stem}_{number}.png"
        taken.add(os.path.realpath(target))
        targets.append(target)
    return targets


def _stat(file: Path) -> os.stat_result | None:
    try:
        return os.stat(file)
    except (OSError, ValueError):
        return None


def _is_one(target: Path, files: Set[tuple[int, int]]) -> bool:
    """Whether a path is another name of one of these files."""
    found = _stat(target)
    return found is not None and (found.st_dev, found.st_ino) in files

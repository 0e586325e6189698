"""What a reader says on standard error while it works."""

from __future__ import annotations

import sys
from pathlib import Path


def say(line: str) -> None:
    """Prints one line, even where a file's name has a line break."""
    print(" ".join(line.split()), file=sys.stderr, flush=True)


def say_skipped(name: str, count: int, total: int, why: str, example: str | Path = "") -> None:
    """Says how many faces were left out; silent where none was.

    Args:
        name: Data set and split.
        count: Faces left out.
        total: Faces that the set lists.
        why: What is wrong with them.
        example: The first of them.
    """
    if count:
        shown = f"; the first: {example}" if example else ""
        say(f"{name}: skipped {count} of {total} faces, {why}{shown}")

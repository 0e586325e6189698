"""What a reader says on standard error while it works."""

from __future__ import annotations

import sys
import time
from pathlib import Path

#: Seconds of work between two lines of progress.
INTERVAL = 5.0


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


class Progress:
    """A line now and then where reading takes long."""

    def __init__(self, name: str, total: int = 0) -> None:
        """Starts the clock.

        Args:
            name: Data set and split.
            total: Number of faces, 0 where it is unknown.
        """
        self._name, self._total = name, total
        self._shown = time.monotonic()

    def at(self, count: int) -> None:
        """Takes note that `count` faces are done."""
        now = time.monotonic()
        if now - self._shown >= INTERVAL:
            self._shown = now
            of = f" of {self._total}" if self._total else ""
            say(f"{self._name}: {count}{of} faces read")

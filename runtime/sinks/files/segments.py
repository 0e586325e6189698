"""Long runs: outputs cut into files of a length in time, and how many of them stay.

`out.mp4` becomes `out-000001.mp4`, `out-000002.mp4` and so on, beginning after the highest
number that is there: no file is ever replaced. All outputs of a run are cut at the same
frames and have the same numbers.
"""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from runtime.support.files.writing import create, create_new

#: Digits of a segment's number, so that names sort.
_DIGITS = 6

#: Longest time between two looks at how large the files have grown, in seconds.
_LOOK_S = 1.0


@dataclass(slots=True)
class _Segment:
    """A file of this run.

    Attributes:
        path: Where it is.
        identity: Device and inode, by which it is known to be the same.
        output: The path that its output was asked for.
        size: Bytes, as it was last seen.
    """

    path: Path
    identity: tuple[int, int]
    output: Path
    size: int = 0


class Segments:
    """Where a run's outputs are cut, and what of them stays on the disk."""

    def __init__(
        self, length_s: float, outputs: Sequence[Path], max_bytes: int | None = None
    ) -> None:
        """Looks for the first number that is free.

        Args:
            length_s: Media time of a segment in seconds.
            outputs: Paths that the outputs were asked for.
            max_bytes: Most that this run's segments may take together, those that are
                being written aside; None for no limit.
        """
        self._length_s, self._max_bytes = length_s, max_bytes
        self._outputs = tuple(outputs)
        self._number = max((_highest(path) for path in outputs), default=0)
        self._clock_s = self._start_s = -1e18
        self._files: list[_Segment] = []
        self._writing: dict[Path, _Segment] = {}
        self._looked = 0.0

    def number(self, time_s: float) -> int:
        """The number of the segment that the next result belongs to.

        Args:
            time_s: Its media time; of several streams the one that is ahead counts.
        """
        self._clock_s = max(self._clock_s, time_s)
        if self._clock_s - self._start_s >= self._length_s:
            self._start_s = self._clock_s
            self._number += 1
            while any(os.path.lexists(self.path(path, self._number)) for path in self._outputs):
                self._number += 1
        elif time.monotonic() - self._looked > _LOOK_S:
            self._prune()
        return self._number

    @staticmethod
    def path(output: Path, number: int) -> Path:
        """The file of an output's segment."""
        return output.with_name(f"{output.stem}-{number:0{_DIGITS}}{output.suffix}")

    def create(self, output: Path, number: int, mode: int) -> tuple[Path, int]:
        """Makes the file of a segment; the output's last one is finished by now.

        Returns:
            Its path, and a descriptor open for writing.

        Raises:
            OSError: It can't be made; nothing that is there is replaced.
        """
        path = self.path(output, number)
        fd = create_new(path, mode)
        found = os.fstat(fd)
        segment = _Segment(path, (found.st_dev, found.st_ino), output)
        self._files.append(segment)
        self._writing[output] = segment
        self._prune()
        return path, fd

    def _prune(self) -> None:
        """Removes the oldest finished segments of this run until the rest keeps the limit."""
        self._looked = time.monotonic()
        if self._max_bytes is None:
            return
        writing = list(self._writing.values())
        for segment in self._files:
            # The sizes of finished ones are known, but for the one finished last.
            if segment in writing or not segment.size or segment in self._files[-8:]:
                segment.size = _size(segment)
        total = sum(segment.size for segment in self._files)
        for segment in list(self._files):
            if total <= self._max_bytes:
                return
            if segment in writing:
                continue
            self._files.remove(segment)
            total -= segment.size
            # Whatever else has taken the name meanwhile is not ours.
            if _size(segment):
                segment.path.unlink(missing_ok=True)


class OutputFiles:
    """The files of one output, one after the other; without segments only that at its path."""

    def __init__(self, path: Path, mode: int, segments: Segments | None = None) -> None:
        """Touches nothing yet.

        Args:
            path: What was asked for.
            mode: Permissions of the files.
            segments: The run's; None for a single file.
        """
        #: What was asked for.
        self.path = path
        self._mode, self._segments = mode, segments
        self._number: int | None = None
        self._last, self._count = path, 0

    @property
    def shown(self) -> str:
        """What was made, in words."""
        return str(self._last) if self._count < 2 else f"{self._count} files to {self._last}"

    def begins(self, time_s: float) -> bool:
        """Whether a new file begins with this result; then `open` makes it.

        Args:
            time_s: The result's media time.
        """
        number = 0 if self._segments is None else self._segments.number(time_s)
        begins, self._number = number != self._number, number
        return begins

    def open(self) -> int:
        """Makes the file.

        Returns:
            A descriptor, open for writing.

        Raises:
            OSError: It can't be made.
        """
        self._count += 1
        if self._segments is None:
            return create(self.path, self._mode)
        self._last, fd = self._segments.create(self.path, self._number or 0, self._mode)
        return fd


def _highest(output: Path) -> int:
    """The highest number among files that look like an output's segments; 0 for none."""
    pattern = re.compile(rf"{re.escape(output.stem)}-(\d+){re.escape(output.suffix)}")
    try:
        names = os.listdir(output.parent)
    except OSError:
        return 0
    # A date is no number of ours.
    found = (pattern.fullmatch(name) for name in names)
    return max((int(hit[1]) for hit in found if hit and len(hit[1]) == _DIGITS), default=0)


def _size(segment: _Segment) -> int:
    """Bytes of a segment; 0 where its name is another file's, or nobody's."""
    try:
        found = os.lstat(segment.path)
    except OSError:
        return 0
    if (found.st_dev, found.st_ino) != segment.identity or not stat.S_ISREG(found.st_mode):
        return 0
    return found.st_size

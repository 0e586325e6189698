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

#: By how much a file's time may differ when it is looked at again, in seconds.
_MTIME_S = 2.0

#: Longest time between two looks at how large the files have grown, in seconds.
_LOOK_S = 1.0


@dataclass(slots=True)
class _Segment:
    """A file of this run.

    Attributes:
        path: Where it is.
        fd: A descriptor of it while it is written; None once it is finished.
        found: What it was when it was last looked at.
    """

    path: Path
    fd: int | None
    found: os.stat_result


class Segments:
    """Where a run's outputs are cut, and what of them stays on the disk."""

    def __init__(
        self, length_s: float, outputs: Sequence[Path], max_bytes: int | None = None
    ) -> None:
        """Looks for the first number that is free.

        Args:
            length_s: Media time of a segment in seconds.
            outputs: Paths that the outputs were asked for.
            max_bytes: Most that this run's segments may take together; those that are
                being written count, and stay. None for no limit.
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
        """Makes the file of a segment; the output's last one is closed by now.

        Returns:
            Its path, and a descriptor open for writing.

        Raises:
            OSError: It can't be made; nothing that is there is replaced.
        """
        path = self.path(output, number)
        self.finish(output)
        fd = create_new(path, mode)
        # A descriptor of our own: as long as it is open, no other file is taken for this one.
        segment = _Segment(path, os.dup(fd), os.fstat(fd))
        self._files.append(segment)
        self._writing[output] = segment
        self._prune()
        return path, fd

    def finish(self, output: Path) -> None:
        """Notes that an output's last segment is closed; a second call does nothing."""
        segment = self._writing.pop(output, None)
        if segment is not None and segment.fd is not None:
            fd, segment.fd = segment.fd, None
            segment.found = os.fstat(fd)
            os.close(fd)

    def _prune(self) -> None:
        """Removes the oldest finished segments of this run until the rest keeps the limit."""
        self._looked = time.monotonic()
        if self._max_bytes is None:
            return
        for segment in self._writing.values():
            if segment.fd is not None:
                segment.found = os.fstat(segment.fd)
        total = sum(segment.found.st_size for segment in self._files)
        for segment in [segment for segment in self._files if segment.fd is None]:
            if total <= self._max_bytes:
                return
            self._files.remove(segment)
            total -= segment.found.st_size
            # Whatever else has taken the name meanwhile is not ours.
            if _is_same(segment):
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

    def close(self) -> None:
        """Notes that the last file is closed; a second call does nothing."""
        if self._segments is not None:
            self._segments.finish(self.path)


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


def _is_same(segment: _Segment) -> bool:
    """Whether a finished segment is still what its name leads to, as it was left."""
    try:
        now = os.lstat(segment.path)
    except OSError:
        return False
    was = segment.found
    same = (now.st_dev, now.st_ino, now.st_size) == (was.st_dev, was.st_ino, was.st_size)
    # An inode is given to another file once it is free. Some disks round times.
    return same and stat.S_ISREG(now.st_mode) and now.st_mtime <= was.st_mtime + _MTIME_S

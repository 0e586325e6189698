"""The report of `benchmarks.soak`."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.harness.json_codec import absent
from benchmarks.harness.schema.common import ArtifactRecord, ComparableReport


@dataclass(frozen=True, kw_only=True)
class SoakRow:
    """What the process holds after so many frames."""

    frame: int
    memory_mb: float
    threads: int
    handles: int


@dataclass(frozen=True, kw_only=True)
class Soak:
    """A long run.

    Attributes:
        frames: Its length.
        faces_per_frame: Mean number of faces.
        lines_written: Lines of the JSON file.
        fps: Rate.
        rows: Resources on the way.
    """

    frames: int
    faces_per_frame: float
    lines_written: int
    fps: float
    rows: list[SoakRow]


@dataclass(frozen=True, kw_only=True)
class Kills:
    """What was left by runs ended with SIGKILL.

    Attributes:
        kills: How often the command was still running then.
        whole: How often the JSON lines and the CSV were all whole, and the video
            readable to within a second of the last line.
        largest_gap_s: Largest time that a video lacked; None where none could be read.
    """

    kills: int
    whole: int
    largest_gap_s: float | None


@dataclass(frozen=True, kw_only=True)
class SoakReport(ComparableReport):
    """Memory, threads and handles over many frames; and the kills."""

    artifact: ArtifactRecord
    soak: Soak | None = absent()
    kills: Kills | None = absent()

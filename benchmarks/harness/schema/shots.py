"""The report of `benchmarks.shots`."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.harness.schema.common import Report


@dataclass(frozen=True, kw_only=True)
class ShotsRow:
    """All videos of one kind, or one clip.

    Attributes:
        kind: What the videos try, or the clip's name.
        videos: How many there are; for a clip, the frame rates at which it is run.
        seconds: Their length in all.
        frames: Frames in them.
        cuts: Changes of shot in them.
        found: Changes that were found: cuts at their first frame, others while they last.
        false: Frames that were taken for the first of a shot and aren't.
    """

    kind: str
    videos: int
    seconds: float
    frames: int
    cuts: int
    found: int
    false: int


@dataclass(frozen=True, kw_only=True)
class ShotsReport(Report):
    """Changes of shot that were found, and false ones.

    Attributes:
        seed: Of the videos.
        recall: Share of the changes in the synthetic videos that were found.
        false: False ones in them.
        still_ms: CPU time for a frame of 640x480 where nothing moves.
        moving_ms: The same where all of the picture moves in every frame.
        rows: By kind.
        clips: By clip.
    """

    seed: int
    recall: float
    false: int
    still_ms: float
    moving_ms: float
    rows: list[ShotsRow]
    clips: list[ShotsRow]

"""`python -m benchmarks.shots`: are cuts found, and nothing else taken for one?

Runs the detector of cuts over videos that are made in code: cuts between places, within one
place and between pictures of one person, in grain, darkness, grey and strong compression,
fades and dissolves; and videos of one shot with flashes, whip pans, zooms, shakes, somebody
who walks by, lamps that go off and on, fades into the same scene, and the few pictures a
second of slow cameras. Clips, whose frames are all of one shot, are run at their own frame
rate and at a half to a tenth of it.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from benchmarks.harness.options import OutputOptions
from benchmarks.harness.provenance import this_machine
from benchmarks.harness.results import show_report, write_report
from benchmarks.harness.schema.shots import ShotsReport, ShotsRow
from benchmarks.shots.kinds import videos
from benchmarks.shots.scenes import Image
from benchmarks.shots.synthetic import SyntheticVideo
from runtime.errors import UserError
from runtime.sources.demo_scene import demo_scenes
from runtime.sources.factory import open_source
from runtime.support.cli import option, parse_options
from runtime.support.files.inputs import check_apart
from runtime.support.files.writing import check_writable
from runtime.tracking.shot_change import ShotChange

PROG = "python -m benchmarks.shots"

#: Of a clip's frames, every such one.
_STRIDES = (1, 2, 3, 5, 10)

#: Frames that are timed, and runs of them, of which the fastest counts.
_TIMED, _RUNS = 100, 5


@dataclass(kw_only=True)
class ShotsOptions(OutputOptions):
    """Measure how many cuts are found, and what else is taken for one."""

    videos: int = option("synthetic videos of each kind", 6, between=(1, 1000))
    seed: int = option("seed of the videos", 0, between=(0, math.inf))
    clip: list[str] | None = option("video of a single shot", None)


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    options = parse_options(ShotsOptions, PROG, argv)
    if options.output_json:
        check_apart({"--output_json": options.output_json}, options.clip or ())
        check_writable(Path(options.output_json), "--output_json")
    report = measure(options)
    show_report(report)
    write_report(report, options.output_json)
    return 0


def measure(options: ShotsOptions) -> ShotsReport:
    """Runs everything; see the module's text.

    Raises:
        UserError: A clip can't be read.
    """
    rows: dict[str, ShotsRow] = {}
    for video in videos(options.videos, options.seed):
        row = measure_video(video)
        rows[video.kind] = _add(rows[video.kind], row) if video.kind in rows else row
    for row in rows.values():
        _show(row)
    clips = [measure_clip(path) for path in options.clip or ()]
    for row in clips:
        _show(row)
    cuts, found = (sum(getattr(row, key) for row in rows.values()) for key in ("cuts", "found"))
    still, moving = measure_time()
    return ShotsReport(
        benchmark="shots",
        machine=this_machine(),
        seed=options.seed,
        recall=round(found / cuts, 4),
        false=sum(row.false for row in rows.values()),
        still_ms=still,
        moving_ms=moving,
        rows=list(rows.values()),
        clips=clips,
    )


def measure_video(video: SyntheticVideo) -> ShotsRow:
    """What is found in a video."""
    shots = ShotChange()
    begun = [i for i, image in enumerate(video.frames) if shots.begins(image, i / video.fps)]
    return ShotsRow(
        kind=video.kind,
        videos=1,
        seconds=round(len(video.frames) / video.fps, 2),
        frames=len(video.frames),
        cuts=len(video.cuts),
        found=sum(any(a <= i <= b for i in begun) for a, b in video.cuts),
        false=sum(not any(a <= i <= b for a, b in video.cuts) for i in begun),
    )


def measure_clip(path: str) -> ShotsRow:
    """What is found in a video of a single shot, at several frame rates.

    Raises:
        UserError: It can't be read.
    """
    source = open_source(path)
    try:
        if source.live:
            raise UserError(f"--clip {source.name}: must be a file")
        images, rows = [], []
        while (frame := source.read()) is not None:
            images.append(frame.picture.bgr())
        for stride in _STRIDES:
            video = SyntheticVideo(Path(path).name, images[::stride], fps=source.fps / stride)
            rows.append(measure_video(video))
    finally:
        source.close()
    total = rows[0]
    for row in rows[1:]:
        total = _add(total, row)
    return total


def measure_time() -> tuple[float, float]:
    """CPU milliseconds a frame of 640x480, on one thread: where nothing moves; where all does."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        picture, rng = demo_scenes()[0].render(0), np.random.default_rng(0)
        still = [picture + rng.integers(0, 3, picture.shape, np.uint8) for _ in range(20)]
        moving = [np.ascontiguousarray(np.roll(picture, 9 * i, axis=1)) for i in range(20)]
        return _time(still), _time(moving)
    finally:
        cv2.setNumThreads(threads)


def _time(images: Sequence[Image]) -> float:
    best = math.inf
    for _ in range(_RUNS):
        shots, start = ShotChange(), time.thread_time()
        for i in range(_TIMED):
            # There and back, without a jump.
            shots.begins(images[min(i % 38, 38 - i % 38)], i / 25)
        best = min(best, time.thread_time() - start)
    return round(1e3 * best / _TIMED, 3)


def _add(a: ShotsRow, b: ShotsRow) -> ShotsRow:
    return replace(
        a,
        videos=a.videos + b.videos,
        seconds=round(a.seconds + b.seconds, 2),
        frames=a.frames + b.frames,
        cuts=a.cuts + b.cuts,
        found=a.found + b.found,
        false=a.false + b.false,
    )


def _show(row: ShotsRow) -> None:
    counts = f"{row.found:4d} of {row.cuts:4d} found, {row.false:3d} false"
    print(f"{row.kind:36} {counts} in {row.frames} frames", file=sys.stderr)

"""Flips of labels in videos of real people, which have no truth."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from benchmarks.harness.schema.stability import ClipFlips, FailedClip
from benchmarks.stability.options import StabilityOptions
from runtime.errors import UserError
from runtime.pipeline.pipeline import Pipeline


def measure_clip(path: str, options: StabilityOptions) -> ClipFlips | FailedClip:
    """Flips in a video, over all its tracks, or why there are none."""
    name = Path(path).name
    try:
        # Without a time constant the lead and the hysteresis alone would still hold labels.
        raw, _ = _count_flips(path, options.engine, True, smoothing_s=0.0)
        smooth, seconds = _count_flips(
            path,
            options.engine,
            False,
            smoothing_s=options.smoothing_s,
            temporal_head=options.temporal_head,
        )
    except UserError as error:
        failed = FailedClip(clip=name, error=" ".join(str(error).split()))
        print(f"{name}: not measured: {failed.error}", file=sys.stderr)
        return failed
    return ClipFlips(
        clip=name,
        track_minutes=round(seconds / 60, 2),
        raw_flips_per_minute=raw,
        smooth_flips_per_minute=smooth,
    )


def _count_flips(
    path: str, engine: str, single: bool, **smoothing: Any
) -> tuple[float | None, float]:
    """Flips a minute of track and the tracks' seconds.

    Args:
        path: The video.
        engine: The model.
        single: Count the most probable label of each frame alone.
        smoothing: What steadies the labels, as `Pipeline` takes it.
    """
    last: dict[int, tuple[str, float]] = {}
    flips, seconds = 0, 0.0
    with Pipeline([path], engine, **smoothing) as pipeline:
        for result in pipeline:
            for face in result.faces:
                label = face.emotion
                if single:
                    label = max(face.probabilities, key=lambda k: face.probabilities[k])
                before = last.get(face.track)
                if before is not None:
                    flips += label != before[0]
                    seconds += result.time_s - before[1]
                last[face.track] = (label, result.time_s)
    return round(60 * flips / seconds, 2) if seconds else None, seconds

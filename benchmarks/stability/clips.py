"""Flips of labels in videos of real people, which have no truth."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.harness.schema.stability import ClipFlips, FailedClip
from benchmarks.stability.options import StabilityOptions
from runtime.errors import UserError
from runtime.pipeline.config import EngineConfig, LabelsConfig, PipelineConfig
from runtime.pipeline.pipeline import Pipeline
from runtime.sources.config import SourceConfig


def measure_clip(path: str, options: StabilityOptions) -> ClipFlips | FailedClip:
    """Flips in a video, over all its tracks, or why there are none."""
    name = Path(path).name
    try:
        # Without a time constant the lead and the hysteresis alone would still hold labels.
        raw, _ = _count_flips(path, options.engine, LabelsConfig(smoothing_s=0.0), single=True)
        steady = LabelsConfig(options.temporal_head, options.smoothing_s)
        smooth, seconds = _count_flips(path, options.engine, steady)
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
    path: str, engine: str, labels: LabelsConfig, single: bool = False
) -> tuple[float | None, float]:
    """Flips a minute of track and the tracks' seconds.

    Args:
        path: The video.
        engine: The model.
        labels: What steadies the labels.
        single: Count the most probable label of each frame alone.
    """
    last: dict[int, tuple[str, float]] = {}
    flips, seconds = 0, 0.0
    config = PipelineConfig(
        sources=(SourceConfig(path),), engine=EngineConfig(engine), labels=labels
    )
    with Pipeline(config) as pipeline:
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

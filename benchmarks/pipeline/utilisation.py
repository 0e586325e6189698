"""How busy each stage of the pipeline is, and how fast each would be alone."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from benchmarks.harness.synthetic import PacedCamera
from runtime.pipeline.config import PipelineConfig
from runtime.pipeline.detection import DetectionStage
from runtime.pipeline.load_shedding import LEVELS
from runtime.pipeline.parts import Parts
from runtime.sources.base import Source
from runtime.telemetry.metrics import Metrics
from runtime.tracking.shots import Shots

#: Threads of the pipeline, and the metrics whose times they spend. A thread of
#: capture is one of several where there are several streams.
STAGES = {"capture": ("capture",), "detect": ("detect", "predict"), "classify": ("classify",)}


@dataclass(frozen=True, kw_only=True)
class StageFigures:
    """Fields of `benchmarks.harness.schema.pipeline.PipelineRow` about the stages."""

    utilisation: dict[str, float]
    alone_fps: dict[str, float | None]
    busiest: str
    slowest: str
    slowest_alone_fps: float
    fps_over_slowest: float | None


def utilisation(
    totals: Mapping[str, tuple[int, float]], seconds: float, sources: Sequence[Source]
) -> dict[str, float]:
    """Busy time of each stage over the run's time; 1 is a thread that never waits.

    Busy is by the wall: on fewer cores than threads it holds the wait for a core.

    Args:
        totals: What `Metrics.totals` gave.
        seconds: Length of the run.
        sources: The streams; a camera's wait for its next frame is not counted, and
            capture is the mean of their threads.
    """
    waited = sum(source.waited_s for source in sources if isinstance(source, PacedCamera))
    result = {}
    for stage, names in STAGES.items():
        busy = sum(totals.get(name, (0, 0.0))[1] for name in names)
        if stage == "capture":
            busy = max(0.0, busy - waited) / len(sources)
        # The threads may be at work a little longer than the last result took.
        result[stage] = min(1.0, busy / seconds)
    return result


def alone_ms(config: PipelineConfig) -> dict[str, float]:
    """Milliseconds a frame of each stage, one after another in one thread.

    Args:
        config: As of a pipeline, with one source.
    """
    parts = Parts(config)
    (source,) = parts.group.sources
    detection = DetectionStage(parts.detector, 1, config.detector.interval_s, Metrics())
    took, shots = dict.fromkeys(STAGES, 0.0), Shots()
    done = 0
    while done != config.max_frames:
        times = [time.perf_counter()]
        frame = source.read()
        if frame is None:
            break
        # As the stage of capture does.
        frame = replace(frame, shot=shots.number(frame))
        times.append(time.perf_counter())
        tracked = detection.track(frame, LEVELS[0])
        times.append(time.perf_counter())
        parts.recognition.recognize([tracked])
        times.append(time.perf_counter())
        for stage, start, end in zip(STAGES, times, times[1:], strict=False):
            took[stage] += (end - start) * 1e3
        done += 1
    parts.free()
    return {stage: ms / max(1, done) for stage, ms in took.items()}


def slowest(
    shares: Mapping[str, float], alone: Mapping[str, float], fps: float | None
) -> StageFigures:
    """The bottleneck, and how near the pipeline comes to it.

    Args:
        shares: Utilisation of each stage.
        alone: Milliseconds a frame of each stage when nothing else runs. Reading
            several streams has a thread for each and is rarely what limits.
        fps: Rate of the pipeline, over all streams; None where a camera's frame rate rules it.
    """
    stage = max(alone, key=lambda name: alone[name])
    own_fps = 1e3 / alone[stage] if alone[stage] > 0 else 0.0
    return StageFigures(
        utilisation={name: round(share, 3) for name, share in shares.items()},
        alone_fps={name: round(1e3 / ms, 1) if ms else None for name, ms in alone.items()},
        busiest=max(shares, key=lambda name: shares[name]),
        slowest=stage,
        slowest_alone_fps=round(own_fps, 1),
        fps_over_slowest=round(fps / own_fps, 3) if fps and own_fps else None,
    )

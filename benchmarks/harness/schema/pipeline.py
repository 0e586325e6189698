"""The report of `benchmarks.pipeline`."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.harness.json_codec import absent
from benchmarks.harness.schema.common import ArtifactRecord, ComparableReport


@dataclass(frozen=True, kw_only=True)
class LatencyPercentiles:
    """Latency from capture to result, in milliseconds."""

    p50: float
    p90: float
    p99: float


@dataclass(frozen=True, kw_only=True)
class PipelineSamples:
    """One value a round; times over REF.

    Attributes:
        frame_over_ref: Time a frame.
        p50_over_ref: Latency.
        p99_over_ref: Latency.
        dropped: Share of the frames.
    """

    frame_over_ref: list[float]
    p50_over_ref: list[float]
    p99_over_ref: list[float]
    dropped: list[float]


@dataclass(frozen=True, kw_only=True)
class PipelineRow:
    """The pipeline on one input.

    Attributes:
        title: The input, for people.
        source: Its file, or `synthetic`.
        faces: Rendered faces; None for a file.
        width: Of the frames, in pixels.
        height: The same.
        streams: Number of sources.
        paced_fps: Frame rate of each as a camera; None where fed without loss.
        latency_target_ms: As `runtime.webcam` takes it.
        faces_seen: Median number of faces in a frame.
        fps: Rate over all streams.
        fps_per_stream: The same, of each.
        keeps_30_fps: Whether each stream keeps what is promised.
        frame_ms: Time a frame.
        ref_ms: REF.
        ratio: Time a frame over REF; None for a camera, whose frame rate says nothing of it.
        latency_ms: From capture to result.
        latency_percentiles_ms: (101,) the whole distribution.
        dropped: Frames.
        dropped_share: Their share.
        samples: For `--compare`.
        utilisation: Share of the time that each stage is busy.
        alone_fps: Rate of each stage when nothing else runs.
        busiest: Stage with the highest utilisation.
        slowest: Stage that is slowest alone.
        slowest_alone_fps: Its rate.
        fps_over_slowest: The pipeline's rate over that.
    """

    title: str
    source: str
    faces: int | None
    width: int
    height: int
    streams: int
    paced_fps: float | None
    latency_target_ms: float | None
    faces_seen: float
    fps: float
    fps_per_stream: float
    keeps_30_fps: bool
    frame_ms: float
    ref_ms: float
    ratio: float | None
    latency_ms: LatencyPercentiles
    latency_percentiles_ms: list[float]
    dropped: int
    dropped_share: float
    samples: PipelineSamples
    utilisation: dict[str, float]
    alone_fps: dict[str, float | None]
    busiest: str
    slowest: str
    slowest_alone_fps: float
    fps_over_slowest: float | None


@dataclass(frozen=True, kw_only=True)
class StartUpSamples:
    """Time to the first result over that of a bare Python, round by round."""

    over_bare_python: list[float]


@dataclass(frozen=True, kw_only=True)
class StartUp:
    """The start, each figure in a fresh process.

    Attributes:
        import_s: Time to import the runtime.
        bare_python_s: Time of a Python that does nothing.
        first_result_s: Time to the first result.
        peak_memory_mb: Highest resident memory of a run.
        samples: For `--compare`.
    """

    import_s: float
    bare_python_s: float
    first_result_s: float
    peak_memory_mb: float
    samples: StartUpSamples


@dataclass(frozen=True, kw_only=True)
class PipelineReport(ComparableReport):
    """Rate, latency, drops and stages of the whole runtime.

    Attributes:
        pipeline: A row for each input.
        artifact: The model.
        start: The start, where it was asked for.
    """

    pipeline: list[PipelineRow]
    artifact: ArtifactRecord
    start: StartUp | None = absent()

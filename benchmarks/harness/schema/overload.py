"""The report of `benchmarks.overload`."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.harness.json_codec import absent
from benchmarks.harness.schema.common import ArtifactRecord, ComparableReport


@dataclass(frozen=True, kw_only=True)
class OverloadSamples:
    """One value a round; latencies over REF, and the share of frames dropped."""

    p50_over_ref: list[float]
    p99_over_ref: list[float]
    dropped: list[float]


@dataclass(frozen=True, kw_only=True)
class LoadRun:
    """Live sources at one load, in one run or as the medians of several.

    Attributes:
        load: Offered frames over the capacity.
        offered_fps: Frames offered a second.
        fps: Results a second.
        p50_ms: Latency from capture to result; NaN where no result came.
        p99_ms: The same.
        dropped: Share of the frames.
        least_over_most_stream: Results of the stream with the fewest over the most.
        shed_level: Deepest level of load shedding.
    """

    load: float
    offered_fps: float
    fps: float
    p50_ms: float
    p99_ms: float
    dropped: float
    least_over_most_stream: float
    shed_level: float


@dataclass(frozen=True, kw_only=True)
class OverloadRow(LoadRun):
    """Medians at one load.

    Attributes:
        samples: For `--compare`.
        p99_over_1x: `p99_ms` over that at the capacity, where that was measured.
    """

    samples: OverloadSamples
    p99_over_1x: float | None = absent()


@dataclass(frozen=True, kw_only=True)
class CapacitySamples:
    """Time a frame at the capacity over REF, round by round."""

    capacity_over_ref: list[float]


@dataclass(frozen=True, kw_only=True)
class OverloadReport(ComparableReport):
    """Latency and drops at several times the capacity.

    Attributes:
        artifact: The model.
        faces: In the picture.
        streams: Number of sources.
        latency_target_ms: As `runtime.webcam` takes it.
        capacity_fps: Frames a second when fed without loss.
        rows: A row for each load.
        samples: Of the capacity.
    """

    artifact: ArtifactRecord
    faces: int
    streams: int
    latency_target_ms: float | None
    capacity_fps: float
    rows: list[OverloadRow]
    samples: CapacitySamples

"""The report of `benchmarks.engine`."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.harness.json_codec import absent
from benchmarks.harness.schema.common import ArtifactRecord, ComparableReport


@dataclass(frozen=True, kw_only=True)
class GpuTimes:
    """Medians of a run's latency breakdown on a GPU, in milliseconds.

    Attributes:
        host_to_device: The copy there.
        compute: The network.
        device_to_host: The copy back.
        enqueue: How long the host takes to queue the work.
    """

    host_to_device: float
    compute: float
    device_to_host: float
    enqueue: float


@dataclass(frozen=True, kw_only=True)
class RooflineShare:
    """A measured rate under the device's roofline.

    Attributes:
        flops_per_byte: Operations a byte of memory traffic.
        bound: `compute` or `memory`, whichever limits.
        roof_faces_per_s: The rate that the device allows.
        share_of_roof: The measured rate over it.
    """

    flops_per_byte: float
    bound: str
    roof_faces_per_s: float
    share_of_roof: float


@dataclass(frozen=True, kw_only=True)
class EngineRow(ArtifactRecord):
    """One model at one batch size.

    Attributes:
        runs_as: What computes it.
        torch_precision: Of a checkpoint.
        precision: What it computes in.
        batch: Faces in a run.
        p50_ms: Median time of a run, as are the following percentiles.
        faces_per_s: Rate at the median.
        speed: How many times as fast as the first engine.
        ref_ratios: Time over REF of each round.
        parts_ms: Latency breakdown on a GPU.
        roofline: Its place under the roofline, where that was measured.
    """

    runs_as: str
    torch_precision: str | None = absent()
    precision: str
    batch: int
    p50_ms: float
    p90_ms: float
    p95_ms: float
    p99_ms: float
    faces_per_s: float
    speed: float
    ref_ratios: list[float]
    parts_ms: GpuTimes | None = absent()
    roofline: RooflineShare | None = absent()


@dataclass(frozen=True, kw_only=True)
class FailedEngine:
    """A model that couldn't be measured, and why."""

    engine: str
    error: str


@dataclass(frozen=True, kw_only=True)
class ScenarioRow:
    """One model in one of MLPerf's scenarios.

    Attributes:
        engine: The model's name.
        scenario: `SingleStream`, `MultiStream` or `Offline`.
        queries: Runs of the engine.
        samples_per_query: Faces in each.
        seconds: Length of all.
        as_long_as_the_rules_ask: Whether that is MLPerf's least.
        samples_per_s: Rate, of Offline.
        p90_ms: Latency, of SingleStream.
        p99_ms: Latency, of MultiStream.
    """

    engine: str
    scenario: str
    queries: int
    samples_per_query: int
    seconds: float
    as_long_as_the_rules_ask: bool
    samples_per_s: float | None = absent()
    p90_ms: float | None = absent()
    p99_ms: float | None = absent()


@dataclass(frozen=True, kw_only=True)
class Peaks:
    """What a device reaches.

    Attributes:
        gflops: Rate of a matrix product by precision, in 1e9 operations a second.
        gb_per_s: Memory bandwidth, reads and writes together, in 1e9 bytes a second.
    """

    gflops: dict[str, float]
    gb_per_s: float


@dataclass(frozen=True, kw_only=True)
class Work:
    """What a model has to do.

    Attributes:
        gflops: Operations of a face in units of 1e9, a multiply-add counted as two.
        weights: Numbers that are read once a batch.
        activations: Numbers that the layers read and write for each face.
    """

    gflops: float
    weights: int
    activations: int


@dataclass(frozen=True, kw_only=True)
class Roofline(Peaks):
    """The device's roofline, and the work of the model under it."""

    model: Work


@dataclass(frozen=True, kw_only=True)
class EngineReport(ComparableReport):
    """Latency of models at each batch size.

    Attributes:
        rounds: Rounds at each batch size.
        errors: What couldn't be measured.
        engines: A row for each model and batch size.
        scenarios: A row for each model and scenario.
        roofline: Where it was asked for.
    """

    rounds: int
    errors: list[FailedEngine]
    engines: list[EngineRow]
    scenarios: list[ScenarioRow]
    roofline: Roofline | None = absent()

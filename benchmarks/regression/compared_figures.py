"""Which figures of a benchmark's report are compared with an older one's."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from benchmarks.harness.schema.accuracy import AccuracyReport, FailedAccuracy
from benchmarks.harness.schema.anonymity import AnonymityReport
from benchmarks.harness.schema.common import ArtifactRecord, Hits
from benchmarks.harness.schema.engine import EngineReport
from benchmarks.harness.schema.framing import FramingReport
from benchmarks.harness.schema.loading import LoadingReport
from benchmarks.harness.schema.overload import OverloadReport
from benchmarks.harness.schema.pipeline import PipelineReport
from benchmarks.harness.schema.soak import SoakReport
from benchmarks.harness.schema.stability import StabilityReport

#: How values are compared: by the ratio of their medians, by the difference of
#: their means, or as the share of ones among noughts and ones.
Scale = Literal["ratio", "difference", "share"]

_FRAME, _P50, _P99 = "frame / REF", "latency p50 / REF", "latency p99 / REF"


@dataclass(frozen=True)
class ComparedFigure:
    """A sample of one figure of a report.

    Attributes:
        row: What it was measured on, but for the model.
        name: What it is.
        values: One for each round, sequence or face.
        scale: How it is compared.
        lower: Less is better.
        tolerance: Change that isn't worth a word: a share of the old value
            for `ratio`, else in the figure's own units.
        items: Stands for what the values belong to, one by one; values with
            the same `items` are compared in pairs.
        artifact: The model, where there is one.
    """

    row: str
    name: str
    values: Sequence[float]
    scale: Scale = "ratio"
    lower: bool = True
    tolerance: float = 0.05
    items: str | None = None
    artifact: ArtifactRecord | None = None


Found = Iterator[ComparedFigure]


def _engine(report: EngineReport) -> Found:
    """Time at each batch size."""
    for row in report.engines:
        how = f", PyTorch {row.torch_precision}" if row.torch_precision else ""
        title = f"batch {row.batch}{how}"
        yield ComparedFigure(title, "time / REF", row.ref_ratios, artifact=row)


def _pipeline(report: PipelineReport) -> Found:
    """Frame time where frames are fed without loss, else latency; drops; the start."""
    model = report.artifact
    for row in report.pipeline:
        rounds = row.samples
        if row.paced_fps is None:
            yield ComparedFigure(row.title, _FRAME, rounds.frame_over_ref, artifact=model)
        else:
            yield ComparedFigure(row.title, _P50, rounds.p50_over_ref, artifact=model)
            yield ComparedFigure(row.title, _P99, rounds.p99_over_ref, artifact=model)
        yield _dropped(row.title, rounds.dropped, model)
    if report.start is not None:
        values = report.start.samples.over_bare_python
        yield ComparedFigure("start", "first result / bare Python", values, artifact=model)


def _overload(report: OverloadReport) -> Found:
    """Capacity, and latency and drops at each load."""
    model = report.artifact
    yield ComparedFigure("capacity", _FRAME, report.samples.capacity_over_ref, artifact=model)
    for row in report.rows:
        rounds, title = row.samples, f"load {row.load:g}"
        yield ComparedFigure(title, _P50, rounds.p50_over_ref, artifact=model)
        yield ComparedFigure(title, _P99, rounds.p99_over_ref, artifact=model)
        yield _dropped(title, rounds.dropped, model)


def _stability(report: StabilityReport) -> Found:
    """Flips, accuracy and delay of the smoothed labels, sequence by sequence."""
    if report.sequences is None:
        return
    each = report.sequences.samples
    common: dict[str, Any] = {"items": each.items, "artifact": report.artifact}
    values = each.smooth_flips_per_minute
    yield ComparedFigure(
        "sequences", "flips a minute", values, "difference", tolerance=0.5, **common
    )
    yield ComparedFigure(
        "sequences", "accuracy", each.smooth_accuracy, "difference", False, 0.005, **common
    )
    delays = [math.nan if v is None else v for v in each.added_delay_ms]
    yield ComparedFigure(
        "sequences", "added delay, ms", delays, "difference", tolerance=20.0, **common
    )


def _soak(report: SoakReport) -> Found:
    """Memory, threads and handles on the way, and the kills."""
    model = report.artifact
    if report.soak is not None:
        rows = report.soak.rows
        memory = [row.memory_mb for row in rows]
        yield ComparedFigure("soak", "memory, MB", memory, artifact=model)
        for name, counts in (
            ("threads", [row.threads for row in rows]),
            ("handles", [row.handles for row in rows]),
        ):
            yield ComparedFigure("soak", name, counts, "difference", tolerance=1.0, artifact=model)
    if report.kills is not None:
        found = report.kills
        values = [1] * found.whole + [0] * (found.kills - found.whole)
        yield ComparedFigure("kills", "outputs whole", values, "share", False, 0.0, artifact=model)


def _accuracy(report: AccuracyReport) -> Found:
    """Faces named right: on the crops, corrupted, and through detection."""
    for row in report.rows:
        if isinstance(row, FailedAccuracy):
            continue
        yield _hits(row.data, "accuracy", row.samples, row)
        if row.corruptions is not None:
            found = row.corruptions.samples
            yield ComparedFigure(
                row.data, "corrupted", found.by_face, "difference", False, 0.005, found.items, row
            )
        if row.through_detection is not None:
            yield _hits(row.data, "through detection", row.through_detection.samples, row)


def _framing(report: FramingReport) -> Found:
    """Faces found, and faces named right through detection."""
    found, title = report.samples, report.faces
    yield _hits(title, "detected", Hits(items=found.items, right=found.detected), None)
    if report.artifact is not None and found.end_to_end is not None:
        right = Hits(items=found.items, right=found.end_to_end)
        yield _hits(title, "end to end", right, report.artifact)


def _loading(report: LoadingReport) -> Found:
    """What the loader leaves of the training's rate, and its own time."""
    title = f"{report.backbone}, {report.image_size} px, batch {report.batch_size}"
    rounds = report.samples
    yield ComparedFigure(title, "part of the step's rate", rounds.part_of_step_rate, lower=False)
    yield ComparedFigure(title, "loader / step", rounds.loader_over_step)


def _anonymity(report: AnonymityReport) -> Found:
    """Share of the faces' area shown in each frame, and of the rest that is covered."""
    for row in report.rows:
        title = f"{row.video}, {row.mode}"
        for name, values, tolerance in (
            ("face area shown", row.samples.face_area_shown, 0.005),
            ("other area covered", row.samples.other_area_covered, 0.02),
        ):
            yield ComparedFigure(
                title, name, values, "difference", tolerance=tolerance, items=row.video
            )


def _dropped(row: str, values: Sequence[float], model: ArtifactRecord) -> ComparedFigure:
    return ComparedFigure(row, "dropped", values, "difference", tolerance=0.02, artifact=model)


def _hits(row: str, name: str, found: Hits, model: ArtifactRecord | None) -> ComparedFigure:
    values = [int(c) for c in found.right]
    return ComparedFigure(row, name, values, "share", False, 0.005, found.items, model)


@dataclass(frozen=True)
class Kind:
    """How a benchmark's reports are compared.

    Attributes:
        figures: Takes a report of that benchmark, gives its samples.
        settings: Options that must be the same in both; of a list, one item must be.
    """

    figures: Callable[[Any], Iterable[ComparedFigure]]
    settings: tuple[str, ...]


#: By the benchmark's name.
KINDS: dict[str, Kind] = {
    "engine": Kind(_engine, ("provider", "threads", "batches")),
    "pipeline": Kind(
        _pipeline,
        (
            *("source", "paced", "threads", "latency_target", "frames"),
            *("faces", "streams", "size"),
        ),
    ),
    "overload": Kind(
        _overload, ("faces", "streams", "threads", "latency_target", "seconds", "load")
    ),
    "stability": Kind(
        _stability,
        (
            *("dataset", "split", "sequences", "seconds", "fps", "noise", "seed"),
            *("temporal_head", "smoothing_s"),
        ),
    ),
    "soak": Kind(_soak, ("frames", "faces", "side", "kills")),
    "accuracy": Kind(
        _accuracy, ("dataset", "split", "limit", "corruption_limit", "detection_limit", "seed")
    ),
    "framing": Kind(
        _framing, ("dataset", "split", "samples", "face_size", "detect_size", "min_score")
    ),
    "anonymity": Kind(_anonymity, ("detect_size", "synthetic", "demo", "clip")),
    "loading": Kind(_loading, ("dataset", "recipe", "num_workers", "threads", "steps")),
}

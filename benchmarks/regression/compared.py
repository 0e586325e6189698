"""What of each benchmark's report is compared with an older one; one function for each."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from train.datasets.faces import FaceSet

Figures = Mapping[str, Any]

#: How values are compared: by the ratio of their medians, by the difference of
#: their means, or as the share of ones among noughts and ones.
Scale = Literal["ratio", "difference", "share"]

#: Fewer values are no sample.
LEAST = 3


@dataclass(frozen=True)
class Metric:
    """A sample of one figure of a report.

    Attributes:
        row: What it was measured on, but for the model.
        name: What it is.
        values: One for each round, sequence or face.
        scale: How it is compared.
        lower: Less is better.
        tolerance: Change that isn't worth a word: a part of the old value
            for `ratio`, else in the metric's own units.
        items: Stands for what the values belong to, one by one; values with
            the same `items` are compared in pairs.
        artifact: The model's `engine` (its name) and `sha256`; empty without one.
    """

    row: str
    name: str
    values: Sequence[float]
    scale: Scale = "ratio"
    lower: bool = True
    tolerance: float = 0.05
    items: str | None = None
    artifact: Figures = field(default_factory=dict)


def engine(figures: Figures) -> Iterator[Metric]:
    """Time at each batch size."""
    for row in figures["engines"]:
        how = f", PyTorch {row['torch_precision']}" if "torch_precision" in row else ""
        title = f"batch {row['batch']}{how}"
        yield Metric(title, "time / REF", row["ref_ratios"], artifact=row)


def pipeline(figures: Figures) -> Iterator[Metric]:
    """Frame time where frames are fed without loss, else latency; drops; the start."""
    model = figures["artifact"]
    for row in figures["pipeline"]:
        rounds, title = row["samples"], row["title"]
        paced = row["paced_fps"] is not None
        for key in ("p50_over_ref", "p99_over_ref") if paced else ("frame_over_ref",):
            yield Metric(title, _shown(key), rounds[key], artifact=model)
        yield Metric(
            title, "dropped", rounds["dropped"], "difference", tolerance=0.02, artifact=model
        )
    if "start" in figures:
        values = figures["start"]["samples"]["over_bare_python"]
        yield Metric("start", "first result / bare Python", values, artifact=model)


def overload(figures: Figures) -> Iterator[Metric]:
    """Capacity, and latency and drops at each load."""
    model = figures["artifact"]
    values = figures["samples"]["capacity_over_ref"]
    yield Metric("capacity", "frame / REF", values, artifact=model)
    for row in figures["rows"]:
        rounds, title = row["samples"], f"load {row['load']:g}"
        for key in ("p50_over_ref", "p99_over_ref"):
            yield Metric(title, _shown(key), rounds[key], artifact=model)
        yield Metric(
            title, "dropped", rounds["dropped"], "difference", tolerance=0.02, artifact=model
        )


def stability(figures: Figures) -> Iterator[Metric]:
    """Flips, accuracy and delay of the smoothed labels, sequence by sequence."""
    if "sequences" not in figures:
        return
    each = figures["sequences"]["samples"]
    common = {"items": each["items"], "artifact": figures["artifact"]}
    values = each["smooth_flips_per_minute"]
    yield Metric("sequences", "flips a minute", values, "difference", tolerance=0.5, **common)
    yield Metric(
        "sequences", "accuracy", each["smooth_accuracy"], "difference", False, 0.005, **common
    )
    late = [math.nan if v is None else v for v in each["added_delay_ms"]]
    yield Metric("sequences", "added delay, ms", late, "difference", tolerance=20.0, **common)


def soak(figures: Figures) -> Iterator[Metric]:
    """Memory, threads and handles on the way, and the kills."""
    model = figures["artifact"]
    if "soak" in figures:
        rows = figures["soak"]["rows"]
        yield Metric("soak", "memory, MB", [row["memory_mb"] for row in rows], artifact=model)
        for key in ("threads", "handles"):
            values = [row[key] for row in rows]
            yield Metric("soak", key, values, "difference", tolerance=1.0, artifact=model)
    if "kills" in figures:
        found = figures["kills"]
        values = [1] * found["whole"] + [0] * (found["kills"] - found["whole"])
        yield Metric("kills", "outputs whole", values, "share", False, 0.0, artifact=model)


def accuracy(figures: Figures) -> Iterator[Metric]:
    """Faces named right: on the crops, spoiled, and through detection."""
    for row in figures["rows"]:
        if "error" in row:
            continue
        title = row["data"]
        yield _hits(title, "accuracy", row["samples"], row)
        if "corruptions" in row:
            found = row["corruptions"]["samples"]
            by_face, items = found["by_face"], found["items"]
            yield Metric(title, "corrupted", by_face, "difference", False, 0.005, items, row)
        if "through_detection" in row:
            found = row["through_detection"]["samples"]
            yield _hits(title, "through detection", found, row)


def framing(figures: Figures) -> Iterator[Metric]:
    """Faces found, and faces named right through detection."""
    found, title = figures["samples"], figures["faces"]
    yield _hits(title, "detected", {**found, "right": found["detected"]}, {})
    if "artifact" in figures:
        right = {**found, "right": found["end_to_end"]}
        yield _hits(title, "end to end", right, figures["artifact"])


def loading(figures: Figures) -> Iterator[Metric]:
    """What the loader leaves of the training's rate, and its own time."""
    title = f"{figures['backbone']}, {figures['image_size']} px, batch {figures['batch_size']}"
    rounds = figures["samples"]
    yield Metric(title, "part of the step's rate", rounds["part_of_step_rate"], lower=False)
    yield Metric(title, "loader / step", rounds["loader_over_step"])


def anonymity(figures: Figures) -> Iterator[Metric]:
    """Share of the faces' area shown in each frame, and of the rest that is covered."""
    for row in figures["rows"]:
        found, title = row["samples"], f"{row['video']}, {row['mode']}"
        for key, tolerance in (("face_area_shown", 0.005), ("other_area_covered", 0.02)):
            name = key.replace("_", " ")
            yield Metric(
                title, name, found[key], "difference", tolerance=tolerance, items=row["video"]
            )


def fingerprint(faces: FaceSet) -> str:
    """Stands for faces and their order: of their truth, and of pictures spread over them."""
    found = hashlib.sha256(repr((len(faces), faces.labels)).encode())
    found.update(faces.majority.tobytes())
    for image in faces.spread(64).images:
        found.update(image.tobytes())
    return found.hexdigest()[:16]


def pack(hits: Iterable[bool]) -> str:
    """Right and wrong as a string of `1` and `0`: short in JSON."""
    return "".join("1" if hit else "0" for hit in hits)


def _hits(row: str, name: str, part: Figures, artifact: Figures) -> Metric:
    values = [int(c) for c in part["right"]]
    return Metric(row, name, values, "share", False, 0.005, part["items"], artifact)


def _shown(key: str) -> str:
    return {
        "frame_over_ref": "frame / REF",
        "p50_over_ref": "latency p50 / REF",
        "p99_over_ref": "latency p99 / REF",
    }[key]


@dataclass(frozen=True)
class Kind:
    """How a benchmark's reports are compared.

    Attributes:
        metrics: Its samples.
        settings: Options that must be the same in both; of a list, one item must be.
    """

    metrics: Callable[[Figures], Iterable[Metric]]
    settings: tuple[str, ...]


#: By the benchmark's name.
KINDS: dict[str, Kind] = {
    "engine": Kind(engine, ("provider", "threads", "batches")),
    "pipeline": Kind(
        pipeline,
        (
            *("source", "paced", "threads", "latency_target", "frames"),
            *("faces", "streams", "size"),
        ),
    ),
    "overload": Kind(
        overload, ("faces", "streams", "threads", "latency_target", "seconds", "load")
    ),
    "stability": Kind(
        stability,
        (
            *("dataset", "split", "sequences", "seconds", "fps", "noise", "seed"),
            *("temporal_head", "smoothing_s"),
        ),
    ),
    "soak": Kind(soak, ("frames", "faces", "side", "kills")),
    "accuracy": Kind(
        accuracy, ("dataset", "split", "limit", "corruption_limit", "detection_limit", "seed")
    ),
    "framing": Kind(
        framing, ("dataset", "split", "samples", "face_size", "detect_size", "min_score")
    ),
    "anonymity": Kind(anonymity, ("detect_size", "synthetic", "demo", "clip")),
    "loading": Kind(loading, ("dataset", "recipe", "num_workers", "threads", "steps")),
}

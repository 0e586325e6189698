"""Markdown tables of the benchmarks' reports; one function for each benchmark."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.harness.json_codec import to_json
from benchmarks.harness.schema.accuracy import AccuracyReport, FailedAccuracy
from benchmarks.harness.schema.common import Report
from benchmarks.harness.schema.engine import EngineReport
from benchmarks.harness.schema.overload import OverloadReport
from benchmarks.harness.schema.pipeline import PipelineReport, PipelineRow
from benchmarks.harness.schema.soak import SoakReport
from benchmarks.harness.schema.stability import FailedClip, StabilityReport
from benchmarks.report.markdown import interval, percent, table
from benchmarks.report.peer_tables import peers
from runtime.errors import UserError


def _engine(report: EngineReport) -> list[str]:
    """Latency at each batch size, its breakdown on a GPU, the roofline, and the scenarios."""
    rows = report.engines
    heads = ["engine", "batch", "p50 ms", "p90 ms", "p95 ms", "p99 ms", "faces/s", "speed"]
    cells = [
        [r.engine, r.batch, r.p50_ms, r.p90_ms, r.p95_ms, r.p99_ms, r.faces_per_s, r.speed]
        for r in rows
    ]
    blocks = [table(heads, cells)]
    blocks += [f"{row.engine}: not measured: {row.error}" for row in report.errors]
    split = [(row, row.parts_ms) for row in rows if row.parts_ms is not None]
    if split:
        names = ["host to device", "compute", "device to host", "enqueue"]
        heads = ["engine", "batch", *(f"{name} ms" for name in names)]
        times = [[row.engine, row.batch, *to_json(found).values()] for row, found in split]
        blocks.append(table(heads, times))
    under = [(row, row.roofline) for row in rows if row.roofline is not None]
    if under and report.roofline is not None:
        peaks = ", ".join(f"{name} {rate:.0f}" for name, rate in report.roofline.gflops.items())
        memory = f"{report.roofline.gb_per_s:.1f}"
        blocks.append(f"Measured peaks: {peaks} GFLOP/s, memory {memory} GB/s.")
        heads = ["engine", "batch", "operations a byte", "bound", "roof, faces/s", "of the roof"]
        cells = [
            [
                r.engine,
                r.batch,
                roof.flops_per_byte,
                roof.bound,
                roof.roof_faces_per_s,
                percent(roof.share_of_roof),
            ]
            for r, roof in under
        ]
        blocks.append(table(heads, cells))
    if report.scenarios:
        heads = ["engine", "scenario", "p90 ms", "p99 ms", "samples/s", "seconds"]
        cells = [
            [r.engine, r.scenario, r.p90_ms, r.p99_ms, r.samples_per_s, r.seconds]
            for r in report.scenarios
        ]
        blocks.append(table(heads, cells))
    return blocks


def _pipeline(report: PipelineReport) -> list[str]:
    """Rate, latency, drops and stages, then the start."""
    heads = ["input", "FPS", "FPS a stream", "frame / REF", "p50 ms", "p90 ms", "p99 ms", "dropped"]
    cells = [
        [
            row_title(row),
            row.fps,
            row.fps_per_stream,
            row.ratio,
            row.latency_ms.p50,
            row.latency_ms.p90,
            row.latency_ms.p99,
            percent(row.dropped_share),
            row.keeps_30_fps,
        ]
        for row in report.pipeline
    ]
    names = list(report.pipeline[0].utilisation)
    stages: list[list[Any]] = [
        [
            row_title(row),
            *(f"{row.utilisation[name]:.0%}" for name in names),
            row.slowest,
            row.slowest_alone_fps,
            row.fps_over_slowest,
        ]
        for row in report.pipeline
    ]
    busy = ["input", *(f"{name} busy" for name in names), "slowest alone", "its FPS", "of it"]
    blocks = [table([*heads, "30 FPS kept"], cells), table(busy, stages)]
    if report.start is not None:
        start = {k: v for k, v in to_json(report.start).items() if k != "samples"}
        blocks.append(table(["start", "value"], start.items()))
    return blocks


def row_title(row: PipelineRow) -> str:
    """What a pipeline's row was measured on."""
    return f"{row.title}, camera of {row.paced_fps:g} FPS" if row.paced_fps else row.title


def _overload(report: OverloadReport) -> list[str]:
    """Latency and drops at each load."""
    heads = ["load", "offered FPS", "FPS", "p50 ms", "p99 ms", "p99 / at 1x", "dropped", "shed"]
    target = report.latency_target_ms
    cells = [
        [
            f"{row.load:g}x",
            row.offered_fps,
            row.fps,
            row.p50_ms,
            row.p99_ms,
            row.p99_over_1x,
            percent(row.dropped),
            row.shed_level,
        ]
        for row in report.rows
    ]
    return [
        f"{report.faces} faces, {report.streams} streams, capacity {report.capacity_fps} FPS, "
        + (f"latency target {target} ms." if target else "no latency target."),
        table(heads, cells),
    ]


def _stability(report: StabilityReport) -> list[str]:
    """Flips, delay and accuracy."""
    blocks = []
    if report.sequences is not None:
        found = report.sequences
        delay = found.added_delay_ms
        labels = [("raw", found.raw), ("smooth", found.smooth)]
        cells = [[name, row.flips_per_minute, percent(row.accuracy)] for name, row in labels]
        blocks += [
            f"{found.n} sequences of {found.faces} at {found.fps:g} FPS, "
            f"{found.minutes} minutes; added delay: median {delay.median} ms, "
            f"p90 {delay.p90} ms (n = {delay.n}).",
            table(["labels", "flips a minute", "accuracy"], cells),
        ]
    if report.clips:
        heads = ["clip", "minutes of tracks", "raw flips a minute", "smoothed", "not measured"]
        clips = [
            [row.clip, None, None, None, row.error]
            if isinstance(row, FailedClip)
            else [
                row.clip,
                row.track_minutes,
                row.raw_flips_per_minute,
                row.smooth_flips_per_minute,
                None,
            ]
            for row in report.clips
        ]
        blocks.append(table(heads, clips))
    return blocks


def _soak(report: SoakReport) -> list[str]:
    """Resources over the frames, and the kills."""
    blocks = []
    if report.soak is not None:
        found = report.soak
        heads = ["frame", "memory MB", "threads", "handles"]
        blocks += [
            f"{found.frames} frames, {found.lines_written} lines written, {found.fps} FPS.",
            table(heads, ([r.frame, r.memory_mb, r.threads, r.handles] for r in found.rows)),
        ]
    if report.kills is not None:
        kills = report.kills
        blocks.append(
            f"Killed {kills.kills} times: outputs whole {kills.whole} times, largest gap "
            f"{kills.largest_gap_s} s."
        )
    return blocks


def _accuracy(report: AccuracyReport) -> list[str]:
    """Artifacts and data sets; what wasn't measured says why."""
    heads = ["artifact", "data", "n", "accuracy", "95% interval", "macro-F1", "ECE"]
    cells: list[list[Any]] = []
    notes: dict[str, None] = {}
    for row in report.rows:
        if isinstance(row, FailedAccuracy):
            cells.append([row.engine, row.data, None, f"not measured: {row.error}", *[None] * 5])
            continue
        notes |= dict.fromkeys(row.notes)
        corrupted = None if row.corruptions is None else percent(row.corruptions.mean)
        through = row.through_detection and percent(row.through_detection.end_to_end)
        cells.append(
            [
                row.engine,
                row.data,
                row.n,
                percent(row.accuracy),
                interval(row.accuracy_95),
                f"{row.macro_f1:.3f}",
                f"{row.ece:.3f}",
                corrupted,
                through,
            ]
        )
    blocks = [table([*heads, "corrupted", "through detection"], cells)]
    return blocks + (["\n".join(f"- {note}" for note in notes)] if notes else [])


#: By the benchmark's name; each takes that benchmark's report.
TABLES: dict[str, Callable[[Any], list[str]]] = {
    "engine": _engine,
    "pipeline": _pipeline,
    "overload": _overload,
    "stability": _stability,
    "soak": _soak,
    "accuracy": _accuracy,
    "peers": peers,
}


def tables(report: Report) -> list[str]:
    """Markdown blocks of a report.

    Raises:
        UserError: There are no tables for its kind, or it holds nothing.
    """
    if report.benchmark not in TABLES:
        raise UserError(f"a report of {report.benchmark}, not of {', '.join(TABLES)}")
    rows = {"engine": "engines", "pipeline": "pipeline"}.get(report.benchmark, "rows")
    if not getattr(report, rows, True):
        raise UserError(f"its {rows} is empty")
    blocks = TABLES[report.benchmark](report)
    if not blocks:
        raise UserError("it holds nothing")
    return blocks

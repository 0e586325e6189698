"""Plots of the benchmarks' reports; one function for each benchmark."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.harness.schema.accuracy import AccuracyReport, AccuracyRow
from benchmarks.harness.schema.common import ArtifactRecord
from benchmarks.harness.schema.engine import EngineReport
from benchmarks.harness.schema.overload import OverloadReport
from benchmarks.harness.schema.peers import PeerRow, PeersReport
from benchmarks.harness.schema.pipeline import PipelineReport
from benchmarks.harness.schema.soak import SoakReport
from benchmarks.harness.schema.stability import ClipFlips, StabilityReport
from benchmarks.report.tables import row_title

#: Title and figure by the plot's name.
Drawn = dict[str, tuple[str, Figure]]

#: Colours that the colour-blind tell apart (Okabe & Ito 2008).
_COLORS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#7A6A00", "#333333")

#: More batch sizes than this span orders of magnitude: their times stand on a log scale.
_FEW = 4


def _engine(report: EngineReport) -> Drawn:
    """Latency against batch size: line p50, dashes p99."""
    figure, axes = _figure("Engine latency: p50 (line) and p99 (dashes)", "batch", "ms")
    names = list(dict.fromkeys(row.engine for row in report.engines))
    batches = sorted({row.batch for row in report.engines})
    for index, name in enumerate(names):
        rows = [row for row in report.engines if row.engine == name]
        rows = sorted(rows, key=lambda row: row.batch)
        x = [batches.index(row.batch) for row in rows]
        color = _COLORS[index % len(_COLORS)]
        axes.plot(x, [row.p50_ms for row in rows], "o-", color=color, label=name)
        axes.plot(x, [row.p99_ms for row in rows], "o--", color=color, alpha=0.5)
    axes.set_xticks(range(len(batches)), [str(b) for b in batches])
    if len(batches) > _FEW:
        axes.set_yscale("log")
    else:
        axes.set_ylim(bottom=0)
    axes.legend(fontsize=9)
    return {"latency": ("Latency by batch size", figure)}


def pipelines(reports: Mapping[str, PipelineReport]) -> Drawn:
    """Rate against faces, and the whole distribution of latency, of all reports together.

    Args:
        reports: Reports of `benchmarks.pipeline` by name.
    """
    rows = [
        (f"{report.artifact.engine}, " if len(reports) > 1 else "", row)
        for report in reports.values()
        for row in report.pipeline
    ]
    drawn: Drawn = {}
    lines: dict[str, list[tuple[int, float]]] = {}
    for model, row in rows:
        if row.faces is not None:
            # All of the title but its faces.
            name = model + row_title(row).partition(", ")[2]
            lines.setdefault(name, []).append((row.faces, row.fps_per_stream))
    if lines:
        figure, axes = _figure("Rate against faces", "faces", "frames a second and stream")
        for index, (name, points) in enumerate(lines.items()):
            x, y = zip(*sorted(points), strict=True)
            axes.plot(x, y, "o-", color=_COLORS[index % len(_COLORS)], label=name)
        axes.axhline(30, color="#999999", linestyle=":", label="30 FPS, promised")
        axes.set_xticks(sorted({x for points in lines.values() for x, _ in points}))
        axes.set_ylim(bottom=0)
        axes.legend(fontsize=9)
        drawn["rate"] = ("Rate against faces", figure)
    # Of a whole grid no more than there are colours, single streams first.
    few = sorted(rows, key=lambda item: item[1].streams)[: len(_COLORS)]
    if few:
        figure, axes = _figure(
            "Latency from capture to result", "ms", "share of frames that take no longer"
        )
        for index, (model, row) in enumerate(few):
            color = _COLORS[index % len(_COLORS)]
            values = row.latency_percentiles_ms
            shares = [k / (len(values) - 1) for k in range(len(values))]
            axes.plot(values, shares, color=color, label=model + row_title(row))
        axes.set(xlim=(0, None), ylim=(0, 1.01))
        axes.legend(fontsize=9, loc="lower right")
        drawn["latency"] = ("Latency from capture to result", figure)
    return drawn


def _overload(report: OverloadReport) -> Drawn:
    """Latency and drops against load."""
    rows = sorted(report.rows, key=lambda row: row.load)
    x = [row.load for row in rows]
    figure, axes = _figure("Overload: latency and drops", "load, of the capacity", "ms")
    axes.plot(x, [row.p50_ms for row in rows], "o-", color=_COLORS[0], label="latency p50")
    axes.plot(x, [row.p99_ms for row in rows], "o--", color=_COLORS[0], label="latency p99")
    if report.latency_target_ms:
        axes.axhline(
            report.latency_target_ms, color="#999999", linestyle=":", label="latency target"
        )
    axes.set_ylim(bottom=0)
    other = axes.twinx()
    other.plot(x, [row.dropped for row in rows], "s-", color=_COLORS[3], label="dropped")
    other.set(ylim=(0, 1), ylabel="frames dropped, as a share")
    handles = [h for a in (axes, other) for h in a.get_legend_handles_labels()[0]]
    figure.legend(handles=handles, fontsize=9, loc="outside lower center", ncols=4)
    return {"latency": ("Latency and drops by load", figure)}


def _stability(report: StabilityReport) -> Drawn:
    """Flips of single frames' labels and of the smoothed ones."""
    bars: list[tuple[str, float, float]] = []
    if report.sequences is not None:
        found = report.sequences
        bars.append(("sequences", found.raw.flips_per_minute, found.smooth.flips_per_minute))
    for row in report.clips or ():
        # A clip without tracks has no rate, which is not a rate of nought.
        raw = smooth = None
        if isinstance(row, ClipFlips):
            raw, smooth = row.raw_flips_per_minute, row.smooth_flips_per_minute
        nan = math.nan
        bars.append((row.clip, nan if raw is None else raw, nan if smooth is None else smooth))
    figure, axes = _figure("Label flips", "flips a minute", "")
    figure.set_size_inches(6.4, 1.6 + 0.55 * len(bars))
    for index, name in enumerate(("single frames", "smoothed")):
        y = [k + 0.36 * (index - 0.5) for k in range(len(bars))]
        shown = axes.barh(y, [bar[1:][index] for bar in bars], 0.36, color=_COLORS[index])
        shown.set_label(name)
        axes.bar_label(shown, fontsize=8, padding=2)
    axes.set_yticks(range(len(bars)), [str(bar[0]) for bar in bars], fontsize=9)
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.legend(fontsize=9)
    return {"flips": ("Label flips", figure)}


def _soak(report: SoakReport) -> Drawn:
    """Memory against frames."""
    if report.soak is None:
        return {}
    rows = report.soak.rows
    figure, axes = _figure("Endurance: resident memory", "frames", "MB")
    x, y = [row.frame for row in rows], [row.memory_mb for row in rows]
    axes.plot(x, y, "o-", color=_COLORS[0])
    axes.set_ylim(0, 1.15 * max(y))
    return {"memory": ("Memory over the soak", figure)}


def _accuracy(report: AccuracyReport) -> Drawn:
    """Accuracy and its interval, one panel's row for each artifact and data set."""
    rows = [row for row in report.rows if isinstance(row, AccuracyRow)]
    if not rows:
        return {}
    figure, axes = _figure("Accuracy with its 95% interval", "accuracy", "")
    figure.set_size_inches(6.4, 1.8 + 0.45 * len(rows))
    for place, row in enumerate(rows):
        _interval(axes, row, place, "#0072B2", horizontal=True)
    names = [f"{row.engine}\n{row.data}, n = {row.n}" for row in rows]
    axes.set_yticks(range(len(rows)), names, fontsize=9)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    return {"accuracy": ("Accuracy of each artifact", figure)}


def _peers(report: PeersReport) -> Drawn:
    """Rate of each on each clip."""
    rows = [row for row in report.rows if isinstance(row, PeerRow) and row.clips]
    if not rows:
        return {}
    clips = list(dict.fromkeys(clip.clip for row in rows for clip in row.clips))
    figure, axes = _figure("The same frames, in turns", "frames a second (log)", "")
    for index, name in enumerate(clips):
        points = [
            (clip.fps, place)
            for place, row in enumerate(rows)
            for clip in row.clips
            if clip.clip == name
        ]
        x, y = zip(*points, strict=True)
        axes.plot(x, y, "o", color=_COLORS[index % len(_COLORS)], label=name)
    axes.axvline(30, color="#999999", linestyle=":", label="30 FPS")
    axes.set_xscale("log")
    axes.set_yticks(range(len(rows)), [row.peer for row in rows])
    axes.invert_yaxis()
    axes.legend(fontsize=9)
    return {"rate": ("Rate beside the peers", figure)}


def accuracy_against_latency(
    engines: Sequence[EngineReport], accuracies: Sequence[AccuracyReport]
) -> Drawn:
    """Accuracy against p50 at the smallest batch, of the artifacts that have both.

    Args:
        engines: Reports of `benchmarks.engine`; the last that has an artifact counts.
        accuracies: Reports of `benchmarks.accuracy`.
    """
    rows = [row for report in engines for row in report.engines]
    if not rows:
        return {}
    batch = min(row.batch for row in rows)
    p50_ms = {_key(row): row.p50_ms for row in rows if row.batch == batch}
    points = [
        row
        for report in accuracies
        for row in report.rows
        if isinstance(row, AccuracyRow) and _key(row) in p50_ms
    ]
    if not points:
        return {}
    figure, axes = _figure(
        "Accuracy (95% interval) against latency", f"p50 at batch {batch}, ms", "accuracy"
    )
    names = list(dict.fromkeys((row.engine, row.data) for row in points))
    for row in points:
        color = _COLORS[names.index((row.engine, row.data)) % len(_COLORS)]
        _interval(axes, row, p50_ms[_key(row)], color, horizontal=False)
    axes.set_xlim(0, 1.2 * max(p50_ms[_key(row)] for row in points))
    axes.legend(fontsize=9)
    return {"latency": ("Accuracy against latency", figure)}


def _key(row: ArtifactRecord) -> str:
    """Which artifact a row is of: by its hash, as files in two folders may share a name."""
    return row.sha256 or row.engine


def _interval(axes: Axes, row: AccuracyRow, place: float, color: str, horizontal: bool) -> None:
    value, (low, high) = row.accuracy, row.accuracy_95
    reach = [[max(0.0, value - low)], [max(0.0, high - value)]]
    label = f"{row.engine}, {row.data}"
    if horizontal:
        axes.errorbar([value], [place], xerr=reach, fmt="o", color=color, capsize=4)
    else:
        axes.errorbar([place], [value], yerr=reach, fmt="o", color=color, capsize=4, label=label)


def _figure(title: str, x: str, y: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(6.4, 4.4), layout="constrained")
    axes = figure.add_subplot()
    axes.set(title=title, xlabel=x, ylabel=y)
    axes.grid(alpha=0.25)
    return figure, axes


#: By the benchmark's name, each of that benchmark's report; those of several reports stand above.
PLOTS: dict[str, Callable[[Any], Drawn]] = {
    "engine": _engine,
    "overload": _overload,
    "stability": _stability,
    "soak": _soak,
    "accuracy": _accuracy,
    "peers": _peers,
}

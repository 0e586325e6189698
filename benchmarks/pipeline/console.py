"""What `python -m benchmarks.pipeline` prints."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.harness.json_codec import to_json
from benchmarks.harness.provenance import describe
from benchmarks.harness.schema.pipeline import PipelineReport, PipelineRow


def print_report(report: PipelineReport) -> None:
    """Prints each row, the grid of faces and streams, and the start."""
    machine = report.machine
    print(f"on {describe(machine)}")
    if machine.load_1min > machine.cores / 2:
        print("others were using this machine before the run: the figures are worse than its own")
    for row in report.pipeline:
        _print_row(row)
    _print_grid(report.pipeline)
    if report.start is not None:
        shown = (f"{k} {v}" for k, v in to_json(report.start).items() if k != "samples")
        print(", ".join(shown))


def _print_row(row: PipelineRow) -> None:
    latency = row.latency_ms
    camera = f", a camera of {row.paced_fps:g} FPS each" if row.paced_fps else ""
    of_it = row.fps_over_slowest
    ratio = "" if row.ratio is None else f", {row.ratio} of REF a frame"
    busy = ", ".join(f"{name} {share:.0%}" for name, share in row.utilisation.items())
    print(
        f"{row.title}{camera}:\n"
        f"  {row.fps} FPS{ratio}; 30 FPS a stream: "
        f"{'kept' if row.keeps_30_fps else 'NOT kept'}; "
        f"dropped {row.dropped} ({row.dropped_share:.1%})\n"
        f"  latency p50 {latency.p50}, p90 {latency.p90}, p99 {latency.p99} ms\n"
        f"  busy: {busy}; slowest alone: {row.slowest} ({row.slowest_alone_fps} FPS)"
        + ("" if of_it is None else f", the pipeline runs at {of_it} of it")
    )


def _print_grid(rows: Sequence[PipelineRow]) -> None:
    """Frame times of rendered faces by number of faces and of streams, where there are several."""
    cells = {
        (row.width, row.height, row.faces, row.streams): row
        for row in rows
        if row.ratio is not None and row.faces is not None
    }
    streams = sorted({key[3] for key in cells})
    lines = sorted({key[:3] for key in cells})
    if len(cells) < 2:
        return
    print("frame time / REF, and in brackets the rate over the slowest stage's own")
    print("faces, size \\ streams" + "".join(f"{count:>15}" for count in streams))
    for width, height, faces in lines:
        found = [cells[width, height, faces, count] for count in streams]
        shown = "".join(f"{row.ratio:>8.2f} ({row.fps_over_slowest:.2f})" for row in found)
        print(f"{faces:>5}, {f'{width}x{height}':<14}{shown}")

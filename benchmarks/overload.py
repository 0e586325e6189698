"""`python -m benchmarks.overload`: what happens when more frames come than can be done?

First the pipeline's capacity: frames a second when it is fed without loss.
Then live sources at 0.5, 1, 2 and 4 times that, as cameras that wait for
nobody, all in one process and in turns over several rounds: latency from
capture to result, frames dropped, and load shedding.
"""

from __future__ import annotations

import math
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness.options import (
    CompareOptions,
    EngineOption,
    LatencyTargetOption,
    rounds_option,
)
from benchmarks.harness.pipeline_setup import config_of
from benchmarks.harness.provenance import artifact
from benchmarks.harness.reference import Reference
from benchmarks.harness.schema.overload import (
    CapacitySamples,
    LoadRun,
    OverloadReport,
    OverloadRow,
    OverloadSamples,
)
from benchmarks.harness.synthetic import MAX_FACES, PacedCamera, SyntheticVideo, render
from benchmarks.regression.session import begin, finish, header
from runtime.engines.base import Engine
from runtime.engines.factory import open_engine
from runtime.options.shared import threads_option
from runtime.pipeline.pipeline import Pipeline
from runtime.support.cli import option, parse_options, run_command

PROG = "python -m benchmarks.overload"


@dataclass(kw_only=True)
class OverloadOptions(CompareOptions, LatencyTargetOption, EngineOption):
    """Measure latency, drops and shed work at several times the pipeline's capacity."""

    faces: int = option("faces in the picture", 6, between=(1, MAX_FACES))
    streams: int = option("sources that share the load", 1, between=(1, 64))
    load: list[float] = option("frames offered, in parts of the capacity", [0.5, 1.0, 2.0, 4.0])
    seconds: float = option("length of a run", 4.0, between=(1, 3600))
    rounds: int = rounds_option("rounds, each with every load", 3)
    threads: int = threads_option()


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    options = parse_options(OverloadOptions, PROG, argv)
    old = begin("overload", options, [options.engine], options.rounds)
    return finish(measure(options), options, old, show=True)


def measure(options: OverloadOptions) -> OverloadReport:
    """Runs all loads in turns; see the module's text."""
    first = header("overload", options)
    frames = render(options.faces, 30)
    reference = Reference()
    engine = open_engine(options.engine, threads=options.threads)
    runs: dict[float, list[LoadRun]] = {load: [] for load in options.load}
    capacities, refs = [], []
    for number in range(1, options.rounds + 1):
        refs.append(reference.ms(20))
        capacities.append(_capacity(options, engine, frames))
        for load, done in runs.items():
            done.append(_offer(options, engine, frames, load, capacities[-1]))
            print(
                f"round {number}, {load:g} x {capacities[-1]:.0f} FPS: "
                f"p50 {done[-1].p50_ms:.0f} ms, p99 {done[-1].p99_ms:.0f} ms",
                file=sys.stderr,
            )
    engine.close()
    reference.close()
    rows = [_row(done, refs) for done in runs.values()]
    for base in [row.p99_ms for row in rows if row.load == 1]:
        rows = [replace(row, p99_over_1x=round(row.p99_ms / base, 2)) for row in rows]
    return OverloadReport(
        **first,
        artifact=artifact(options.engine),
        faces=options.faces,
        streams=options.streams,
        latency_target_ms=options.latency_target,
        capacity_fps=round(statistics.median(capacities), 1),
        rows=rows,
        samples=CapacitySamples(
            capacity_over_ref=[
                round(1e3 / fps / ref, 4) for fps, ref in zip(capacities, refs, strict=True)
            ]
        ),
    )


def _capacity(
    options: OverloadOptions, engine: Engine, frames: Sequence[NDArray[np.uint8]]
) -> float:
    """Frames a second over all streams, fed without loss."""
    sources = [SyntheticVideo(frames, 90 // options.streams + 10) for _ in range(options.streams)]
    with Pipeline(config_of(sources, engine, options.threads)) as pipeline:
        for _ in pipeline:
            pass
        return float(pipeline.metrics.summary()["fps"])


def _offer(
    options: OverloadOptions,
    engine: Engine,
    frames: Sequence[NDArray[np.uint8]],
    load: float,
    capacity_fps: float,
) -> LoadRun:
    """One run at so many times the capacity, over all streams."""
    fps = load * capacity_fps
    each = fps / options.streams
    count = round(each * options.seconds)
    sources = [PacedCamera(SyntheticVideo(frames, count), each) for _ in range(options.streams)]
    latencies: list[float] = []
    counts = [0] * options.streams
    start = time.monotonic()
    config = config_of(sources, engine, options.threads, options.latency_target)
    with Pipeline(config) as pipeline:
        for result in pipeline:
            counts[result.stream or 0] += 1
            # Load shedding needs a moment to find its level.
            if time.monotonic() - start > options.seconds / 3:
                latencies.append(result.latency_ms)
        summary, shed = pipeline.metrics.summary(), pipeline.load_shedding.figures()
    p50, p99 = np.percentile(latencies, (50, 99)) if latencies else (math.nan, math.nan)
    return LoadRun(
        load=load,
        offered_fps=fps,
        fps=sum(counts) / options.seconds,
        p50_ms=float(p50),
        p99_ms=float(p99),
        dropped=summary["dropped"] / max(1, summary["dropped"] + sum(counts)),
        least_over_most_stream=min(counts) / max(1, *counts),
        shed_level=shed["deepest"],
    )


def _row(runs: Sequence[LoadRun], refs: Sequence[float]) -> OverloadRow:
    """Medians over the rounds, and their values; latencies as ratios to REF."""
    medians = {
        field.name: round(statistics.median(getattr(run, field.name) for run in runs), 3)
        for field in fields(LoadRun)
    }
    pairs = list(zip(runs, refs, strict=True))
    return OverloadRow(
        **medians,
        samples=OverloadSamples(
            p50_over_ref=[round(run.p50_ms / ref, 4) for run, ref in pairs],
            p99_over_ref=[round(run.p99_ms / ref, 4) for run, ref in pairs],
            dropped=[round(run.dropped, 4) for run in runs],
        ),
    )


if __name__ == "__main__":
    sys.exit(run_command(main, None))

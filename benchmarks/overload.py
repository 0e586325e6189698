"""`python -m benchmarks.overload`: how late are results when more comes than can be done?

First the pipeline's capacity: frames a second when it is fed without loss.
Then live sources at 0.5, 1, 2 and 4 times that, as cameras that wait for
nobody, all in one process and in turns over several rounds: latency from
capture to result, frames dropped, work shed, and how old the labels get.
"""

from __future__ import annotations

import math
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness.provenance import artifact
from benchmarks.harness.reference import Reference
from benchmarks.harness.results import begin, finish, head
from benchmarks.harness.synthetic import MAX_FACES, Camera, Loop, render
from runtime.engines.base import Engine
from runtime.engines.factory import open_engine
from runtime.pipeline.pipeline import Pipeline
from runtime.support.cli import option, parse_options, run_command

PROG = "python -m benchmarks.overload"


@dataclass
class Options:
    """Measure latency, drops and shed work at several times the pipeline's capacity."""

    engine: str = option("model: an .onnx file, or a shipped one: default, main, fast", "default")
    faces: int = option("faces in the picture", 6, between=(1, MAX_FACES))
    streams: int = option("sources that share the load", 1, between=(1, 64))
    load: list[float] = option("frames offered, in parts of the capacity", [0.5, 1.0, 2.0, 4.0])
    latency_target: float | None = option("as runtime.webcam's, in ms", None, between=(1, 60_000))
    seconds: float = option("length of a run", 4.0, between=(1, 3600))
    rounds: int = option("rounds, each with every load", 3, between=(1, math.inf))
    threads: int = option("threads inside each network", 1)
    compare: str | None = option(
        "older --output_json; exit code 1 where something has become worse", None
    )
    output_json: str | None = option("write the figures here", None)


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    options = parse_options(Options, PROG, argv)
    old = begin("overload", options)
    return finish(measure(options), options, old, show=True)


def measure(options: Options) -> dict[str, Any]:
    """Runs all loads in turns; see the module's text."""
    first = head("overload", options)
    frames = render(options.faces, 30)
    reference = Reference()
    engine = open_engine(options.engine, threads=options.threads)
    runs: dict[float, list[dict[str, Any]]] = {load: [] for load in options.load}
    capacities, refs = [], []
    for number in range(1, options.rounds + 1):
        refs.append(reference.ms(20))
        capacities.append(_capacity(options, engine, frames))
        for load, done in runs.items():
            done.append(_offer(options, engine, frames, load * capacities[-1]))
            print(
                f"round {number}, {load:g} x {capacities[-1]:.0f} FPS: "
                f"p50 {done[-1]['p50_ms']:.0f} ms, p99 {done[-1]['p99_ms']:.0f} ms",
                file=sys.stderr,
            )
    engine.close()
    reference.close()
    rows: list[dict[str, Any]] = [
        {"load": load, **_median(done), "samples": _samples(done, refs)}
        for load, done in runs.items()
    ]
    for base in [row["p99_ms"] for row in rows if row["load"] == 1]:
        for row in rows:
            row["p99_over_1x"] = round(row["p99_ms"] / base, 2)
    return {
        **first,
        "artifact": artifact(options.engine),
        "faces": options.faces,
        "streams": options.streams,
        "latency_target_ms": options.latency_target,
        "capacity_fps": round(statistics.median(capacities), 1),
        "rows": rows,
        "samples": {
            "capacity_over_ref": [
                round(1e3 / fps / ref, 4) for fps, ref in zip(capacities, refs, strict=True)
            ]
        },
    }


def _capacity(options: Options, engine: Engine, frames: Sequence[NDArray[np.uint8]]) -> float:
    """Frames a second over all streams, fed without loss."""
    sources = [Loop(frames, 90 // options.streams + 10) for _ in range(options.streams)]
    with Pipeline(sources, engine, threads=options.threads) as pipeline:
        for _ in pipeline:
            pass
        return float(pipeline.metrics.summary()["fps"])


def _offer(
    options: Options, engine: Engine, frames: Sequence[NDArray[np.uint8]], fps: float
) -> dict[str, Any]:
    """One run at so many frames a second over all streams."""
    each = fps / options.streams
    sources = [
        Camera(Loop(frames, round(each * options.seconds)), each) for _ in range(options.streams)
    ]
    target = options.latency_target
    late: list[float] = []
    counts = [0] * options.streams
    start = time.monotonic()
    with Pipeline(sources, engine, threads=options.threads, latency_target_ms=target) as pipeline:
        for result in pipeline:
            counts[result.stream or 0] += 1
            # The governor needs a moment to find its step.
            if time.monotonic() - start > options.seconds / 3:
                late.append(result.latency_ms)
        summary, shed = pipeline.metrics.summary(), pipeline.load_shedding.figures()
    p50, p99 = np.percentile(late, (50, 99)) if late else (math.nan, math.nan)
    return {
        "offered_fps": fps,
        "fps": sum(counts) / options.seconds,
        "p50_ms": float(p50),
        "p99_ms": float(p99),
        "dropped": summary["dropped"] / max(1, summary["dropped"] + sum(counts)),
        "least_over_most_stream": min(counts) / max(1, *counts),
        "shed_level": shed["deepest"],
    }


def _median(runs: Sequence[dict[str, Any]]) -> dict[str, float]:
    return {name: round(statistics.median(run[name] for run in runs), 3) for name in runs[0]}


def _samples(runs: Sequence[dict[str, Any]], refs: Sequence[float]) -> dict[str, list[float]]:
    """What `--compare` takes, round by round; times as ratios to REF."""
    over = {
        f"{q}_over_ref": [
            round(run[f"{q}_ms"] / ref, 4) for run, ref in zip(runs, refs, strict=True)
        ]
        for q in ("p50", "p99")
    }
    return {**over, "dropped": [round(run["dropped"], 4) for run in runs]}


if __name__ == "__main__":
    sys.exit(run_command(main, None))

"""`python -m benchmarks.pipeline`: how fast is the whole runtime on this machine?

Rate, latency from capture to result, drops and each stage's utilisation, for
every number of faces, of streams and every input size asked for, or for a
file. Frame times are also given as a ratio to REF: one CenterFace pass at
320x256 on one thread. REF, the pipeline and its stages one by one run in
turns, so that a noisy machine slows all. Also: time to the first result, peak
memory and import time, each in a fresh process. Sinks are not measured.
"""

from __future__ import annotations

import math
import statistics
import sys
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.harness.provenance import artifact, describe
from benchmarks.harness.reference import Reference
from benchmarks.harness.results import begin, finish, head
from benchmarks.harness.synthetic import MAX_FACES, Camera
from benchmarks.pipeline.cases import LEAST_FRAMES, Case, list_cases
from benchmarks.pipeline.start_up import measure_start
from benchmarks.pipeline.utilisation import STAGES, alone_ms, slowest, utilisation
from runtime.detectors.base import Detector
from runtime.detectors.catalogue import FACE_SCORE
from runtime.detectors.factory import open_detector
from runtime.engines.base import Engine
from runtime.engines.factory import open_engine
from runtime.errors import UserError
from runtime.pipeline.pipeline import Pipeline
from runtime.sources.base import Source
from runtime.support.cli import option, parse_options

PROG = "python -m benchmarks.pipeline"

#: What the project promises for one stream.
PROMISED_FPS = 30.0

#: Part of a camera's beat, and of its frames, that counts as having kept up.
_KEPT = 0.98


@dataclass
class Options:
    """Measure the whole pipeline's rate, latency, drops and stages, and the start."""

    engine: str = option("model: an .onnx file, or a shipped one: default, main, fast", "default")
    faces: list[int] = option("numbers of faces to measure", [1, 6], between=(1, MAX_FACES))
    streams: list[int] = option("numbers of streams to measure", [1], between=(1, 64))
    size: list[str] = option("sizes of the frames", ["640x480"], metavar="WxH")
    source: str | None = option("a video or folder instead of rendered faces", None)
    paced: float | None = option(
        "frames a second of a camera that waits for nobody; none feeds without loss",
        None,
        between=(1, 1000),
    )
    rounds: int = option("rounds, each REF, pipeline, stages", 7, between=(1, math.inf))
    frames: int = option("frames a round and stream", 90, between=(LEAST_FRAMES, math.inf))
    threads: int = option("threads inside each network", 1, between=(1, 256))
    latency_target: float | None = option("as runtime.webcam's, in ms", None, between=(1, 60_000))
    start: bool = option("also measure the start, each figure in a fresh process", True)
    compare: str | None = option(
        "older --output_json; exit code 1 where something has become worse", None
    )
    output_json: str | None = option("write the figures here", None)


@dataclass(frozen=True)
class Round:
    """One run of the pipeline."""

    fps: float
    latencies: list[float]
    faces: list[int]
    dropped: int
    shares: dict[str, float]


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    options = parse_options(Options, PROG, argv)
    old = begin("pipeline", options)
    cases = list_cases(options.source, options.size, options.faces, options.streams, options.frames)
    figures: dict[str, Any] = {**head("pipeline", options), "pipeline": []}
    figures["artifact"] = artifact(options.engine)
    with ExitStack() as stack:
        engine = stack.enter_context(closing(open_engine(options.engine, threads=options.threads)))
        detector = stack.enter_context(
            closing(open_detector(size=320, threshold=FACE_SCORE, threads=options.threads))
        )
        reference = stack.enter_context(closing(Reference()))
        for case in cases:
            figures["pipeline"].append(measure(options, case, engine, detector, reference))
    if options.start:
        print("the start, in fresh processes", file=sys.stderr)
        figures["start"] = measure_start(options.engine)
    _print(figures)
    return finish(figures, options, old)


def measure(
    options: Options, case: Case, engine: Engine, detector: Detector, reference: Reference
) -> dict[str, Any]:
    """One row: medians over the rounds, latencies over all their frames."""
    ref_ms: list[float] = []
    runs: list[Round] = []
    alone: list[dict[str, float]] = []
    for number in range(options.rounds + 1):
        ref = reference.ms(20)
        run = _run(options, case, engine, detector)
        source = case.open()
        steps = alone_ms(source, engine, detector, options.frames)
        source.close()
        if not number:
            continue  # the first round warms up
        ref_ms.append(ref)
        runs.append(run)
        alone.append(steps)
        print(
            f"{case.title}, round {number} of {options.rounds}: {run.fps:.1f} FPS, "
            f"p99 {np.percentile(run.latencies, 99):.0f} ms, REF {ref_ms[-1]:.1f} ms",
            file=sys.stderr,
        )
    return {
        "title": case.title,
        **case.what,
        "streams": case.streams,
        "paced_fps": options.paced,
        "latency_target_ms": options.latency_target,
        **_speed(runs, ref_ms, case.streams, options.paced),
        **_stages(runs, alone, options.paced),
    }


def _run(options: Options, case: Case, engine: Engine, detector: Detector) -> Round:
    sources = [case.open() for _ in range(case.streams)]
    fed: list[Source] = [Camera(s, options.paced) if options.paced else s for s in sources]
    latencies, faces = [], []
    with Pipeline(
        fed,
        engine,
        detector,
        threads=options.threads,
        latency_target_ms=options.latency_target,
        max_frames=options.frames * case.streams,
    ) as pipeline:
        for result in pipeline:
            latencies.append(result.latency_ms)
            faces.append(len(result.faces))
        summary, totals = pipeline.metrics.summary(), pipeline.metrics.totals()
    for source in sources:
        source.close()
    if len(latencies) < 2:
        raise UserError("the pipeline gave no results to measure; is --paced far too fast?")
    shares = utilisation(totals, summary["seconds"], fed)
    return Round(summary["fps"], latencies, faces, summary["dropped"], shares)


def _speed(
    runs: Sequence[Round], ref_ms: Sequence[float], streams: int, paced: float | None
) -> dict[str, Any]:
    frame_ms = [1e3 / run.fps for run in runs]
    ratios = [ms / ref for ms, ref in zip(frame_ms, ref_ms, strict=True)]
    fps = 1e3 / statistics.median(frame_ms)
    late = np.concatenate([run.latencies for run in runs])
    dropped = sum(run.dropped for run in runs)
    share = dropped / (dropped + len(late))
    # A camera's own beat bounds its rate: then what counts is that nothing is left out.
    promised = fps / streams >= PROMISED_FPS * (_KEPT if paced else 1) and share <= 1 - _KEPT
    return {
        "faces_seen": statistics.median(n for run in runs for n in run.faces),
        "fps": round(fps, 1),
        "fps_per_stream": round(fps / streams, 1),
        "keeps_30_fps": promised,
        "frame_ms": round(statistics.median(frame_ms), 2),
        "ref_ms": round(statistics.median(ref_ms), 2),
        # The beat of a camera says nothing of the machine.
        "ratio": None if paced else round(statistics.median(ratios), 3),
        "latency_ms": {f"p{q}": round(float(np.percentile(late, q)), 2) for q in (50, 90, 99)},
        "latency_percentiles_ms": [round(float(v), 2) for v in np.percentile(late, range(101))],
        "dropped": dropped,
        "dropped_share": round(share, 4),
        "samples": _samples(runs, ref_ms),
    }


def _samples(runs: Sequence[Round], ref_ms: Sequence[float]) -> dict[str, list[float]]:
    """What `--compare` takes, round by round; times as ratios to REF."""
    pairs = list(zip(runs, ref_ms, strict=True))
    late = {
        f"p{q}_over_ref": [round(float(np.percentile(r.latencies, q)) / ref, 4) for r, ref in pairs]
        for q in (50, 99)
    }
    return {
        "frame_over_ref": [round(1e3 / run.fps / ref, 4) for run, ref in pairs],
        **late,
        "dropped": [round(r.dropped / (r.dropped + len(r.latencies)), 4) for r in runs],
    }


def _stages(
    runs: Sequence[Round], alone: Sequence[dict[str, float]], paced: float | None
) -> dict[str, Any]:
    shares = {name: statistics.median(run.shares[name] for run in runs) for name in STAGES}
    steps = {name: statistics.median(row[name] for row in alone) for name in STAGES}
    # At a camera's beat the rate is no sign of a bottleneck.
    fps = None if paced else statistics.median(run.fps for run in runs)
    return slowest(shares, steps, fps)


def _print(figures: dict[str, Any]) -> None:
    found = figures["machine"]
    print(f"on {describe(found)}")
    if found["load_1min"] > found["cores"] / 2:
        print("others were using this machine before the run: the figures are worse than its own")
    for row in figures["pipeline"]:
        late, busy = row["latency_ms"], row["utilisation"]
        beat = f", a camera of {row['paced_fps']:g} FPS each" if row["paced_fps"] else ""
        of_it = row["fps_over_slowest"]
        ratio = "" if row["ratio"] is None else f", {row['ratio']} of REF a frame"
        print(
            f"{row['title']}{beat}:\n"
            f"  {row['fps']} FPS{ratio}; 30 FPS a stream: "
            f"{'kept' if row['keeps_30_fps'] else 'NOT kept'}; "
            f"dropped {row['dropped']} ({row['dropped_share']:.1%})\n"
            f"  latency p50 {late['p50']}, p90 {late['p90']}, p99 {late['p99']} ms\n"
            f"  busy: {', '.join(f'{name} {share:.0%}' for name, share in busy.items())}; "
            f"slowest alone: {row['slowest']} ({row['slowest_alone_fps']} FPS)"
            + ("" if of_it is None else f", the pipeline runs at {of_it} of it")
        )
    _print_grid(figures["pipeline"])
    if "start" in figures:
        shown = (f"{k} {v}" for k, v in figures["start"].items() if k != "samples")
        print(", ".join(shown))


def _print_grid(rows: Sequence[dict[str, Any]]) -> None:
    """Frame times of rendered faces by number of faces and of streams, where there are several."""
    cells = {
        (row["width"], row["height"], row["faces"], row["streams"]): row
        for row in rows
        if row["ratio"] is not None and row["faces"] is not None
    }
    streams = sorted({key[3] for key in cells})
    lines = sorted({key[:3] for key in cells})
    if len(cells) < 2:
        return
    print("frame time / REF, and in brackets the rate over the slowest stage's own")
    print("faces, size \\ streams" + "".join(f"{count:>15}" for count in streams))
    for width, height, faces in lines:
        found = [cells[width, height, faces, count] for count in streams]
        shown = "".join(f"{row['ratio']:>8.2f} ({row['fps_over_slowest']:.2f})" for row in found)
        print(f"{faces:>5}, {f'{width}x{height}':<14}{shown}")

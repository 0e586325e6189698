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
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from benchmarks.harness.options import (
    CompareOptions,
    EngineOption,
    LatencyTargetOption,
    rounds_option,
)
from benchmarks.harness.pipeline_setup import config_of
from benchmarks.harness.provenance import artifact
from benchmarks.harness.reference import Reference
from benchmarks.harness.schema.pipeline import (
    LatencyPercentiles,
    PipelineReport,
    PipelineRow,
    PipelineSamples,
)
from benchmarks.harness.synthetic import MAX_FACES, PacedCamera
from benchmarks.pipeline.cases import LEAST_FRAMES, Case, list_cases
from benchmarks.pipeline.console import print_report
from benchmarks.pipeline.start_up import measure_start_up
from benchmarks.pipeline.utilisation import STAGES, alone_ms, slowest, utilisation
from benchmarks.regression.session import begin, finish, header
from runtime.detectors.base import Detector
from runtime.detectors.catalogue import FACE_SCORE
from runtime.detectors.factory import open_detector
from runtime.engines.base import Engine
from runtime.engines.factory import open_engine
from runtime.errors import UserError
from runtime.options.shared import threads_option
from runtime.pipeline.config import DetectorConfig, PipelineConfig
from runtime.pipeline.pipeline import Pipeline
from runtime.sources.base import Source
from runtime.support.cli import option, parse_options

PROG = "python -m benchmarks.pipeline"

#: What the project promises for one stream.
PROMISED_FPS = 30.0

#: Share of a camera's frame rate, and of its frames, that counts as having kept up.
_KEPT = 0.98


@dataclass(kw_only=True)
class PipelineBenchmarkOptions(CompareOptions, LatencyTargetOption, EngineOption):
    """Measure the whole pipeline's rate, latency, drops and stages, and the start."""

    faces: list[int] = option("numbers of faces to measure", [1, 6], between=(1, MAX_FACES))
    streams: list[int] = option("numbers of streams to measure", [1], between=(1, 64))
    size: list[str] = option("sizes of the frames", ["640x480"], metavar="WxH")
    source: str | None = option("a video or folder instead of rendered faces", None)
    paced: float | None = option(
        "frames a second of a camera that waits for nobody; none feeds without loss",
        None,
        between=(1, 1000),
    )
    rounds: int = rounds_option("rounds, each REF, pipeline, stages", 7)
    frames: int = option("frames a round and stream", 90, between=(LEAST_FRAMES, math.inf))
    threads: int = threads_option()
    start: bool = option("also measure the start, each figure in a fresh process", True)


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
    options = parse_options(PipelineBenchmarkOptions, PROG, argv)
    old = begin("pipeline", options, [options.engine], options.rounds)
    cases = list_cases(options.source, options.size, options.faces, options.streams, options.frames)
    report = measure(options, cases)
    print_report(report)
    return finish(report, options, old)


def measure(options: PipelineBenchmarkOptions, cases: Sequence[Case]) -> PipelineReport:
    """Every case, then the start; see the module's text.

    Raises:
        UserError: The model can't be opened, or a case gives no results.
    """
    first = header("pipeline", options)
    size = DetectorConfig().size
    with ExitStack() as stack:
        engine = stack.enter_context(closing(open_engine(options.engine, threads=options.threads)))
        detector = stack.enter_context(
            closing(open_detector(size=size, threshold=FACE_SCORE, threads=options.threads))
        )
        reference = stack.enter_context(closing(Reference()))
        rows = [measure_case(options, case, engine, detector, reference) for case in cases]
    start = None
    if options.start:
        print("the start, in fresh processes", file=sys.stderr)
        start = measure_start_up(options.engine)
    return PipelineReport(**first, pipeline=rows, artifact=artifact(options.engine), start=start)


def measure_case(
    options: PipelineBenchmarkOptions,
    case: Case,
    engine: Engine,
    detector: Detector,
    reference: Reference,
) -> PipelineRow:
    """One row: medians over the rounds, latencies over all their frames."""
    ref_ms: list[float] = []
    runs: list[Round] = []
    alone: list[dict[str, float]] = []
    for number in range(options.rounds + 1):
        ref = reference.ms(20)
        run = _run(options, case, engine, detector)
        steps = _alone(options, case, engine, detector)
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
    shares = {name: statistics.median(run.shares[name] for run in runs) for name in STAGES}
    steps = {name: statistics.median(row[name] for row in alone) for name in STAGES}
    # A camera's frame rate is no sign of a bottleneck.
    fps = None if options.paced else statistics.median(run.fps for run in runs)
    return PipelineRow(
        title=case.title,
        source=case.source,
        faces=case.faces,
        width=case.width,
        height=case.height,
        streams=case.streams,
        paced_fps=options.paced,
        latency_target_ms=options.latency_target,
        **_speed(runs, ref_ms, case.streams, options.paced),
        samples=_samples(runs, ref_ms),
        **asdict(slowest(shares, steps, fps)),
    )


def _run(
    options: PipelineBenchmarkOptions, case: Case, engine: Engine, detector: Detector
) -> Round:
    sources = [case.open() for _ in range(case.streams)]
    fed: list[Source] = [PacedCamera(s, options.paced) if options.paced else s for s in sources]
    latencies, faces = [], []
    config = _config(options, fed, engine, detector, options.frames * case.streams)
    with Pipeline(config) as pipeline:
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


def _alone(
    options: PipelineBenchmarkOptions, case: Case, engine: Engine, detector: Detector
) -> dict[str, float]:
    """Milliseconds a frame of each stage, when nothing else runs."""
    with closing(case.open()) as source:
        return alone_ms(_config(options, [source], engine, detector, options.frames))


def _config(
    options: PipelineBenchmarkOptions,
    sources: Sequence[Source],
    engine: Engine,
    detector: Detector,
    frames: int,
) -> PipelineConfig:
    return config_of(
        sources,
        engine,
        options.threads,
        options.latency_target,
        detector=DetectorConfig(detector),
        max_frames=frames,
    )


def _speed(
    runs: Sequence[Round], ref_ms: Sequence[float], streams: int, paced: float | None
) -> dict[str, Any]:
    """Rate, latency and drops, as `PipelineRow` names them."""
    frame_ms = [1e3 / run.fps for run in runs]
    ratios = [ms / ref for ms, ref in zip(frame_ms, ref_ms, strict=True)]
    fps = 1e3 / statistics.median(frame_ms)
    latencies = np.concatenate([run.latencies for run in runs])
    p50, p90, p99 = (round(float(v), 2) for v in np.percentile(latencies, (50, 90, 99)))
    dropped = sum(run.dropped for run in runs)
    share = dropped / (dropped + len(latencies))
    # A camera's own rate bounds the pipeline's: then what counts is that nothing is left out.
    promised = fps / streams >= PROMISED_FPS * (_KEPT if paced else 1) and share <= 1 - _KEPT
    return {
        "faces_seen": statistics.median(n for run in runs for n in run.faces),
        "fps": round(fps, 1),
        "fps_per_stream": round(fps / streams, 1),
        "keeps_30_fps": promised,
        "frame_ms": round(statistics.median(frame_ms), 2),
        "ref_ms": round(statistics.median(ref_ms), 2),
        # A camera's frame rate says nothing of the machine.
        "ratio": None if paced else round(statistics.median(ratios), 3),
        "latency_ms": LatencyPercentiles(p50=p50, p90=p90, p99=p99),
        "latency_percentiles_ms": [
            round(float(v), 2) for v in np.percentile(latencies, range(101))
        ],
        "dropped": dropped,
        "dropped_share": round(share, 4),
    }


def _samples(runs: Sequence[Round], ref_ms: Sequence[float]) -> PipelineSamples:
    """What `--compare` takes, round by round; times as ratios to REF."""
    pairs = list(zip(runs, ref_ms, strict=True))
    p50, p99 = (
        [round(float(np.percentile(run.latencies, q)) / ref, 4) for run, ref in pairs]
        for q in (50, 99)
    )
    return PipelineSamples(
        frame_over_ref=[round(1e3 / run.fps / ref, 4) for run, ref in pairs],
        p50_over_ref=p50,
        p99_over_ref=p99,
        dropped=[round(r.dropped / (r.dropped + len(r.latencies)), 4) for r in runs],
    )

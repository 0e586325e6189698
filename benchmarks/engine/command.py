"""`python -m benchmarks.engine`: how fast is a model, and against another?

Several engines and REF, one CenterFace pass at 320x256 on one thread, run in
turns, batch by batch, so that a noisy machine slows all alike; speeds are
medians over the rounds, each to the first engine. A checkpoint runs in
PyTorch. On a GPU the latency is also broken down: copies, network, host.
What can't be measured is a line that says why, and the rest goes on.
`--compare` judges a run against an older one by the ratios to REF.
"""

from __future__ import annotations

import re
import statistics
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.engine.console import print_report
from benchmarks.engine.latency_breakdown import combine
from benchmarks.engine.models_under_test import ModelUnderTest, open_models
from benchmarks.engine.scenarios import SCENARIOS, run_scenario
from benchmarks.harness.json_codec import to_json
from benchmarks.harness.options import CompareOptions, rounds_option
from benchmarks.harness.reference import Reference
from benchmarks.harness.schema.engine import (
    EngineReport,
    EngineRow,
    GpuTimes,
    Roofline,
    ScenarioRow,
)
from benchmarks.regression.session import begin, finish, header
from runtime.engines.providers import PROVIDERS
from runtime.errors import UserError
from runtime.options.shared import threads_option
from runtime.support.cli import option, parse_options

PROG = "python -m benchmarks.engine"

_LARGEST = 4096

#: Runs that are broken down on a GPU, at each batch size.
_TIMED_RUNS = 30


@dataclass(kw_only=True)
class EngineBenchmarkOptions(CompareOptions):
    """Measure engines' latency at each batch size, in turns."""

    engine: list[str] = option(
        "models, or checkpoints for PyTorch; the first is what the others are compared with",
        ["default"],
    )
    batches: list[str] = option("batch sizes; 1..256 are 1, 2, 4 and so on to 256", ["1", "8"])
    rounds: int = rounds_option("rounds, each engine once a batch size", 50, least=3)
    provider: str = option("where the models run", "cpu", choices=tuple(PROVIDERS))
    threads: int = threads_option()
    torch_precision: str = option(
        "of checkpoints on a GPU", "fp32", choices=("fp32", "tf32", "fp16")
    )
    roofline: str | None = option(
        "checkpoint of the models: also each one's share of the roofline that is measured here",
        None,
    )
    scenarios: list[str] = option(
        "MLPerf's scenarios to run as well: SingleStream, MultiStream, Offline", []
    )
    scenario_s: float = option(
        "length of a scenario; MLPerf's rules ask for 600", 10.0, between=(0.1, 36_000)
    )
    compare: str | None = option(
        "older --output_json; exit code 1 where an engine has become slower", None
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    options = parse_options(EngineBenchmarkOptions, PROG, argv)
    for name in options.scenarios:
        if name not in SCENARIOS:
            raise UserError(f"--scenarios must be of {', '.join(SCENARIOS)}, not {name!r}")
    options.batches = [str(batch) for batch in parse_batches(options.batches)]
    old = begin("engine", options, options.engine, options.rounds)
    report = measure(options)
    print_report(report)
    return finish(report, options, old)


def parse_batches(items: Sequence[str]) -> list[int]:
    """Batch sizes in order, each once: `8` is itself, `1..256` is 1, 2, 4 and so on to 256.

    Raises:
        UserError: One is neither, or not 1 to 4096.
    """
    sizes = set()
    for item in items:
        match = re.fullmatch(r"(\d{1,4})(?:\.\.(\d{1,4}))?", item)
        low, high = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
        if not 1 <= low <= high <= _LARGEST:
            raise UserError(
                f"--batches must be 1 to {_LARGEST}, or a range such as 1..256, not {item!r}"
            )
        while low < high:
            sizes.add(low)
            low *= 2
        sizes.add(high)
    return sorted(sizes)


def measure(options: EngineBenchmarkOptions) -> EngineReport:
    """Runs the engines in turns.

    Raises:
        UserError: No engine can be measured.
    """
    first = header("engine", options)
    with ExitStack() as stack:
        reference = stack.enter_context(closing(Reference()))
        models, errors = open_models(
            options.engine, options.provider, options.threads, options.torch_precision, stack
        )
        roofline = None
        if options.roofline:
            roofline = _measure_roofline(options, models[0].engine.manifest.input_shape)
        report = EngineReport(
            **first,
            rounds=options.rounds,
            errors=errors,
            engines=[
                row
                for batch in map(int, options.batches)
                for row in _measure_batch(models, reference, options.rounds, batch)
            ],
            scenarios=_run_scenarios(models, options),
            roofline=roofline,
        )
    if roofline is None:
        return report
    return replace(report, engines=[_under_roof(row, roofline) for row in report.engines])


def _run_scenarios(
    models: Sequence[ModelUnderTest], options: EngineBenchmarkOptions
) -> list[ScenarioRow]:
    return [
        run_scenario(model.artifact.engine, model.engine, scenario, options.scenario_s)
        for scenario in options.scenarios
        for model in models
    ]


def _measure_batch(
    models: Sequence[ModelUnderTest], reference: Reference, rounds: int, batch: int
) -> list[EngineRow]:
    print(f"batch {batch}: {rounds} rounds", file=sys.stderr, flush=True)
    shape = (batch, *models[0].engine.manifest.input_shape)
    faces = np.random.default_rng(0).normal(0, 0.5, shape).astype(np.float32)
    times: list[list[float]] = [[] for _ in models]
    ref: list[float] = []
    for number in range(rounds + 1):
        ref.append(reference.ms())
        for model, taken in zip(models, times, strict=True):
            start = time.perf_counter()
            model.engine.infer(faces)
            taken.append((time.perf_counter() - start) * 1e3)
        if not number:  # the first round warms up
            for warm in (ref, *times):
                warm.clear()
    rows = []
    for model, taken in zip(models, times, strict=True):
        median = statistics.median(taken)
        p90, p95, p99 = (round(float(v), 5) for v in np.percentile(taken, (90, 95, 99)))
        speed = statistics.median(a / b for a, b in zip(times[0], taken, strict=True))
        rows.append(
            EngineRow(
                **to_json(model.artifact),
                runs_as=model.runs_as,
                torch_precision=model.torch_precision,
                precision=model.precision,
                batch=batch,
                p50_ms=round(median, 5),
                p90_ms=p90,
                p95_ms=p95,
                p99_ms=p99,
                faces_per_s=round(batch / median * 1e3, 1),
                speed=round(speed, 3),
                ref_ratios=[round(a / b, 5) for a, b in zip(taken, ref, strict=True)],
                parts_ms=_break_down(model, faces),
            )
        )
    return rows


def _break_down(model: ModelUnderTest, faces: NDArray[np.float32]) -> GpuTimes | None:
    """Medians of the latency breakdown; None where it can't be had: the latency stays."""
    if model.timed is None:
        return None
    try:
        runs = [model.timed.measure(faces) for _ in range(_TIMED_RUNS + 1)][1:]
    except Exception as error:  # those of ONNX Runtime and PyTorch share no base class
        print(
            f"{model.artifact.engine}: its latency can't be broken down: {error}", file=sys.stderr
        )
        return None
    return combine(runs, lambda values: round(statistics.median(values), 5))


def _measure_roofline(options: EngineBenchmarkOptions, shape: tuple[int, ...]) -> Roofline:
    """The device's roofline, and the work of the checkpoint that the models came from."""
    from benchmarks.engine.roofline import count_work, measure_peaks

    print("the roofline", file=sys.stderr, flush=True)
    work, given = count_work(Path(str(options.roofline)))
    if given != shape:
        raise UserError(f"--roofline {options.roofline}: takes {given}, but the models {shape}")
    device = "cpu" if options.provider == "cpu" else "cuda"
    return Roofline(**asdict(measure_peaks(device, options.threads)), model=work)


def _under_roof(row: EngineRow, roofline: Roofline) -> EngineRow:
    """The row with its place under the roofline."""
    from benchmarks.engine.roofline import under_roof

    share = under_roof(roofline.model, roofline, row.precision, row.batch, row.faces_per_s)
    return replace(row, roofline=share)

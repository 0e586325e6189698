"""`python -m benchmarks.engine`: how fast is a model, and against another?

Several engines and REF, one CenterFace pass at 320x256 on one thread, run in
turns, batch by batch, so that a noisy machine slows all alike; speeds are
medians over the rounds, each to the first engine. A checkpoint runs in
PyTorch. On a GPU the copies, the network and the host's part are also timed
apart. What can't be measured is a line that says why, and the rest goes on.
`--compare` judges a run against an older one by the ratios to REF.
"""

from __future__ import annotations

import math
import re
import statistics
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.engine.contestants import Model, open_models
from benchmarks.engine.latency_breakdown import Parts
from benchmarks.engine.scenarios import SCENARIOS, run_scenario
from benchmarks.harness.reference import Reference
from benchmarks.harness.results import begin, finish, head
from runtime.engines.providers import PROVIDERS
from runtime.errors import UserError
from runtime.support.cli import option, parse_options

if TYPE_CHECKING:
    from benchmarks.engine.roofline import Peaks, Work

PROG = "python -m benchmarks.engine"

_LARGEST = 4096

#: Runs whose parts are timed on a GPU, at each batch size.
_PART_RUNS = 30


@dataclass
class Options:
    """Measure engines' latency at each batch size, in turns."""

    engine: list[str] = option(
        "models, or checkpoints for PyTorch; the first is what the others are compared with",
        ["default"],
    )
    batches: list[str] = option("batch sizes; 1..256 are 1, 2, 4 and so on to 256", ["1", "8"])
    rounds: int = option("rounds, each engine once a batch size", 50, between=(3, math.inf))
    provider: str = option("where the models run", "cpu", choices=tuple(PROVIDERS))
    threads: int = option("threads inside each network", 1, between=(1, 256))
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
    output_json: str | None = option("write the figures here", None)


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    options = parse_options(Options, PROG, argv)
    for name in options.scenarios:
        if name not in SCENARIOS:
            raise UserError(f"--scenarios must be of {', '.join(SCENARIOS)}, not {name!r}")
    options.batches = [str(batch) for batch in parse_batches(options.batches)]
    old = begin("engine", options)
    figures = measure(options)
    _print(figures)
    return finish(figures, options, old)


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


def measure(options: Options) -> dict[str, Any]:
    """Runs the engines in turns.

    Returns:
        What the JSON holds; `speed` is how many times as fast as the first engine.

    Raises:
        UserError: No engine can be measured.
    """
    figures = head("engine", options)
    roof = None
    with ExitStack() as stack:
        reference = stack.enter_context(closing(Reference()))
        models, errors = open_models(
            options.engine, options.provider, options.threads, options.torch_precision, stack
        )
        if options.roofline:
            roof = _roof(options, models[0].engine.manifest.input_shape)
        figures |= {"rounds": options.rounds, "errors": errors}
        figures["engines"] = [
            row
            for batch in map(int, options.batches)
            for row in _measure_batch(models, reference, options.rounds, batch)
        ]
        figures["scenarios"] = [
            {
                "engine": model.about["engine"],
                **run_scenario(model.engine, scenario, options.scenario_s),
            }
            for scenario in options.scenarios
            for model in models
        ]
    if roof is not None:
        figures["roofline"] = _under_roof(figures["engines"], *roof)
    return figures


def _measure_batch(
    models: Sequence[Model], reference: Reference, rounds: int, batch: int
) -> list[dict[str, Any]]:
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
        rows.append(
            {
                **model.about,
                "precision": model.precision,
                "batch": batch,
                "p50_ms": round(median, 5),
                **{f"p{q}_ms": round(float(np.percentile(taken, q)), 5) for q in (90, 95, 99)},
                "faces_per_s": round(batch / median * 1e3, 1),
                "speed": round(
                    statistics.median(a / b for a, b in zip(times[0], taken, strict=True)), 3
                ),
                "ref_ratios": [round(a / b, 5) for a, b in zip(taken, ref, strict=True)],
            }
        )
        if model.parts is not None and (found := _parts_ms(model, model.parts, faces)):
            rows[-1]["parts_ms"] = found
    return rows


def _parts_ms(model: Model, parts: Parts, faces: NDArray[np.float32]) -> dict[str, float] | None:
    """Medians of a run's parts on the GPU; None where they can't be had: the latency stays."""
    try:
        runs = [parts.measure(faces) for _ in range(_PART_RUNS + 1)][1:]
    except Exception as error:  # those of ONNX Runtime and PyTorch share no base class
        print(f"{model.about['engine']}: its parts can't be timed: {error}", file=sys.stderr)
        return None
    return {name: round(statistics.median(run[name] for run in runs), 5) for name in runs[0]}


def _roof(options: Options, shape: tuple[int, ...]) -> tuple[Peaks, Work]:
    """The device's roof, and the work of the checkpoint that the models came from."""
    from benchmarks.engine.roofline import count_work, measure_peaks

    print("the roofline", file=sys.stderr, flush=True)
    work, given = count_work(Path(str(options.roofline)))
    if given != shape:
        raise UserError(f"--roofline {options.roofline}: takes {given}, but the models {shape}")
    return measure_peaks("cpu" if options.provider == "cpu" else "cuda", options.threads), work


def _under_roof(rows: Sequence[dict[str, Any]], peaks: Peaks, work: Work) -> dict[str, Any]:
    """Adds each row's share of the roof, and returns what the roof is."""
    from dataclasses import asdict

    from benchmarks.engine.roofline import under_roof

    for row in rows:
        row["roofline"] = under_roof(
            work, peaks, row["precision"], row["batch"], row["faces_per_s"]
        )
    return {**asdict(peaks), "model": asdict(work)}


def _print(figures: dict[str, Any]) -> None:
    heads = ("p50 ms", "p90 ms", "p95 ms", "p99 ms", "faces/s", "speed")
    print(f"{'engine':<32} {'batch':>5}", *(f"{head:>8}" for head in heads))
    for row in figures["engines"]:
        times = (row[f"p{q}_ms"] for q in (50, 90, 95, 99))
        print(
            f"{row['engine']:<32} {row['batch']:>5}",
            *(f"{ms:>8.2f}" for ms in times),
            f"{row['faces_per_s']:>8.0f} {row['speed']:>7.2f}x",
        )
        if "parts_ms" in row:
            shown = (f"{name} {ms:.3f}" for name, ms in row["parts_ms"].items())
            print(f"  on the GPU, ms: {', '.join(shown)}")
        if row.get("roofline"):
            roof = row["roofline"]
            print(
                f"  {roof['share_of_roof']:.1%} of the roof's {roof['roof_faces_per_s']:g} faces/s "
                f"({roof['bound']}-bound, {roof['flops_per_byte']} operations a byte)"
            )
    for row in figures["scenarios"]:
        figure = next(row[k] for k in ("p90_ms", "p99_ms", "samples_per_s") if k in row)
        unit = "samples/s" if row["scenario"] == "Offline" else "ms"
        short = "" if row["as_long_as_the_rules_ask"] else f", in {row['seconds']:g} s of 600"
        print(f"{row['engine']:<32} {row['scenario']}: {figure:g} {unit}{short}")
    for row in figures["errors"]:
        print(f"{row['engine']}: not measured: {row['error']}")

"""`python -m benchmarks.engine`: how fast is a model, and against another?

Several engines and REF, one CenterFace pass at 320x256 on one thread, run in
turns, batch by batch, so that a noisy machine slows all alike; speeds are
medians over the rounds, each to the first engine. `--compare` judges a run
against an older one by the ratios to REF.
"""

from __future__ import annotations

import math
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.compare import compare, read_report
from benchmarks.machine import artifact, machine
from benchmarks.output import write_figures
from benchmarks.scenarios import SCENARIOS, run_scenario
from runtime.detect import CENTERFACE
from runtime.engines import open_engine, open_network
from runtime.engines.base import EmotionEngine
from runtime.errors import UserError
from runtime.options import option, parse_options, run_command

PROG = "python -m benchmarks.engine"


@dataclass
class Options:
    """Measure engines' latency at each batch size, in turns."""

    engine: list[str] = option(
        "models; the first is what the others are compared with", ["default"]
    )
    batches: list[int] = option("batch sizes", [1, 8], between=(1, 4096))
    rounds: int = option("rounds, each engine once a batch size", 50, between=(3, math.inf))
    provider: str = option("where the models run", "cpu")
    threads: int = option("threads inside each network", 1, between=(1, 256))
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
    # Before the slow part.
    old = read_report(Path(options.compare)) if options.compare else None
    figures = measure(options)
    _print(figures)
    write_figures(figures, options.output_json)
    if old is None:
        return 0
    changes = compare(old, figures, str(options.compare))
    print("\n".join(map(str, changes)))
    return int(any(change.verdict == "slower" for change in changes))


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
    for row in figures["scenarios"]:
        figure = next(row[k] for k in ("p90_ms", "p99_ms", "samples_per_s") if k in row)
        unit = "samples/s" if row["scenario"] == "Offline" else "ms"
        short = "" if row["as_long_as_the_rules_ask"] else f", in {row['seconds']:g} s of 600"
        print(f"{row['engine']:<32} {row['scenario']}: {figure:g} {unit}{short}")


def measure(options: Options) -> dict[str, Any]:
    """Runs the engines in turns.

    Returns:
        What the JSON holds; `speed` is how many times as fast as the first engine.

    Raises:
        UserError: An engine can't be opened, or they take different inputs.
    """
    engines: list[EmotionEngine] = []
    try:
        for name in options.engine:
            engines.append(open_engine(name, options.provider, options.threads))
        shape = engines[0].manifest.input_shape
        for name, engine in zip(options.engine, engines, strict=True):
            if engine.manifest.input_shape != shape:
                raise UserError(f"{name}: takes {engine.manifest.input_shape}, not {shape}")
        rows = [
            row
            for batch in options.batches
            for row in _measure_batch(engines, options, batch, shape)
        ]
        scenarios = [
            {"engine": Path(name).name, **run_scenario(engine, scenario, options.scenario_s)}
            for scenario in options.scenarios
            for name, engine in zip(options.engine, engines, strict=True)
        ]
    finally:
        for engine in engines:
            engine.close()
    return {
        "benchmark": "engine",
        "machine": machine(),
        "threads": options.threads,
        "provider": options.provider,
        "rounds": options.rounds,
        "engines": rows,
        "scenarios": scenarios,
    }


def _measure_batch(
    engines: Sequence[EmotionEngine], options: Options, batch: int, shape: tuple[int, ...]
) -> list[dict[str, Any]]:
    print(f"batch {batch}: {options.rounds} rounds", file=sys.stderr, flush=True)
    faces = np.random.default_rng(0).normal(0, 0.5, (batch, *shape)).astype(np.float32)
    times: list[list[float]] = [[] for _ in engines]
    reference = open_network(CENTERFACE)
    picture = np.zeros((1, 3, 256, 320), np.float32)
    ref: list[float] = []
    for number in range(options.rounds + 1):
        start = time.perf_counter()
        reference.run(picture)
        if number:
            ref.append((time.perf_counter() - start) * 1e3)
        for engine, taken in zip(engines, times, strict=True):
            start = time.perf_counter()
            engine.infer(faces)
            # The first round warms up.
            if number:
                taken.append((time.perf_counter() - start) * 1e3)
    reference.close()
    rows = []
    for name, engine, taken in zip(options.engine, engines, times, strict=True):
        median = statistics.median(taken)
        rows.append(
            {
                **artifact(name),
                "runs_as": engine.name,
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
    return rows


if __name__ == "__main__":
    sys.exit(run_command(main, None))

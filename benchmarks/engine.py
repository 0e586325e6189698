"""`python -m benchmarks.engine`: how fast is a model, and against another?

Several engines run in turns, batch by batch, so that a noisy machine slows all
alike; ratios are medians over the rounds, each to the first engine.
"""

from __future__ import annotations

import json
import math
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import machine
from runtime.engines import open_engine
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
    output_json: str | None = option("write the figures here", None)


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    options = parse_options(Options, PROG, argv)
    figures = measure(options)
    print(f"{'engine':<40} {'batch':>5} {'p50 ms':>8} {'p90 ms':>8} {'faces/s':>8} {'speed':>6}")
    for row in figures["engines"]:
        print(
            f"{row['engine']:<40} {row['batch']:>5} {row['p50_ms']:>8.2f} {row['p90_ms']:>8.2f} "
            f"{row['faces_per_s']:>8.0f} {row['speed']:>5.2f}x"
        )
    if options.output_json:
        Path(options.output_json).write_text(json.dumps(figures, indent=2) + "\n")
    return 0


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
    finally:
        for engine in engines:
            engine.close()
    return {
        "machine": machine(),
        "threads": options.threads,
        "provider": options.provider,
        "rounds": options.rounds,
        "engines": rows,
    }


def _measure_batch(
    engines: Sequence[EmotionEngine], options: Options, batch: int, shape: tuple[int, ...]
) -> list[dict[str, Any]]:
    faces = np.random.default_rng(0).normal(0, 0.5, (batch, *shape)).astype(np.float32)
    times: list[list[float]] = [[] for _ in engines]
    for number in range(options.rounds + 1):
        for engine, taken in zip(engines, times, strict=True):
            start = time.perf_counter()
            engine.infer(faces)
            # The first round warms up.
            if number:
                taken.append((time.perf_counter() - start) * 1e3)
    rows = []
    for name, engine, taken in zip(options.engine, engines, times, strict=True):
        median = statistics.median(taken)
        rows.append(
            {
                "engine": Path(name).name,
                "runs_as": engine.name,
                "batch": batch,
                "p50_ms": round(median, 5),
                "p90_ms": round(float(np.quantile(taken, 0.9)), 5),
                "faces_per_s": round(batch / median * 1e3, 1),
                "speed": round(
                    statistics.median(a / b for a, b in zip(times[0], taken, strict=True)), 3
                ),
            }
        )
    return rows


if __name__ == "__main__":
    sys.exit(run_command(main, None))

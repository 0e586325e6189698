"""MLPerf Inference's scenarios (Reddi et al. 2020, arXiv:1911.02549), by its names and rules.

SingleStream asks for one face after another and reports the 90th percentile of
latency; MultiStream for eight at once, and reports the 99th; Offline gives all
faces at once and reports faces a second. MLPerf's runs last at least 600
seconds; shorter ones are said to be. Its load generator isn't used, so
these are its definitions and no MLPerf results.
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from benchmarks.harness.schema.engine import ScenarioRow
from runtime.engines.base import Engine

SCENARIOS = ("SingleStream", "MultiStream", "Offline")

#: Shortest run that MLPerf's rules accept, in seconds.
RULE_S = 600.0

#: Faces of a MultiStream query, and most in one run of the engine in Offline.
_QUERY, _LARGEST = 8, 64


def run_scenario(name: str, engine: Engine, scenario: str, seconds: float) -> ScenarioRow:
    """Runs one scenario.

    Args:
        name: The model's, for the row.
        engine: The model.
        scenario: One of `SCENARIOS`.
        seconds: Length of the run; at least 32 queries, of Offline 4, are made all the same.
    """
    size = {"SingleStream": 1, "MultiStream": _QUERY, "Offline": _LARGEST}[scenario]
    rng = np.random.default_rng(0)
    faces = rng.normal(0, 0.5, (size, *engine.manifest.input_shape)).astype(np.float32)
    for _ in range(3):
        engine.infer(faces)
    times: list[float] = []
    start = time.perf_counter()
    least = 4 if scenario == "Offline" else 32
    while (now := time.perf_counter()) - start < seconds or len(times) < least:
        engine.infer(faces)
        times.append((time.perf_counter() - now) * 1e3)
    took = time.perf_counter() - start
    row = ScenarioRow(
        engine=name,
        scenario=scenario,
        queries=len(times),
        samples_per_query=size,
        seconds=round(took, 1),
        as_long_as_the_rules_ask=took >= RULE_S,
    )
    if scenario == "Offline":
        return replace(row, samples_per_s=round(size * len(times) / took, 1))
    if scenario == "SingleStream":
        return replace(row, p90_ms=round(float(np.percentile(times, 90)), 3))
    return replace(row, p99_ms=round(float(np.percentile(times, 99)), 3))

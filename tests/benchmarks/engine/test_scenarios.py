"""Each scenario reports its own figure, and says when it was short."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.engine.scenarios import SCENARIOS, run_scenario
from runtime.engines.factory import open_engine


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_scenario(scenario: str, tiny_engine: Path) -> None:
    row = run_scenario("tiny", open_engine(tiny_engine), scenario, 0.05)
    figures = {
        "SingleStream": row.p90_ms,
        "MultiStream": row.p99_ms,
        "Offline": row.samples_per_s,
    }
    figure = figures.pop(scenario)
    assert figure is not None
    assert figure > 0
    assert list(figures.values()) == [None, None]
    faces = {"SingleStream": 1, "MultiStream": 8, "Offline": 64}[scenario]
    assert row.samples_per_query == faces
    assert row.queries >= (4 if scenario == "Offline" else 32)
    assert not row.as_long_as_the_rules_ask

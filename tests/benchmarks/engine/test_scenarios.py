"""Each scenario reports its own figure, and says when it was short."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.engine.scenarios import SCENARIOS, run_scenario
from runtime.engines.factory import open_engine


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_scenario(scenario: str, tiny_engine: Path) -> None:
    row = run_scenario(open_engine(tiny_engine), scenario, 0.05)
    figure = {"SingleStream": "p90_ms", "MultiStream": "p99_ms", "Offline": "samples_per_s"}
    assert row[figure[scenario]] > 0
    assert sum(name in row for name in figure.values()) == 1
    assert (
        row["samples_per_query"] == {"SingleStream": 1, "MultiStream": 8, "Offline": 64}[scenario]
    )
    assert row["queries"] >= (4 if scenario == "Offline" else 32)
    assert not row["as_long_as_the_rules_ask"]

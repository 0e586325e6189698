"""What is compared of each benchmark's report."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.harness.schema.common import Report
from benchmarks.harness.schema.kinds import REPORTS
from benchmarks.harness.schema.pipeline import PipelineReport
from benchmarks.regression.compared_figures import KINDS
from tests.benchmarks.committed import committed

NAMES = {
    "accuracy": {"accuracy"},
    "engine_cpu": {"time / REF"},
    "framing": {"detected", "end to end"},
    "loading": {"part of the step's rate", "loader / step"},
    "overload": {"frame / REF", "latency p50 / REF", "latency p99 / REF", "dropped"},
    "pipeline": {"frame / REF", "dropped", "first result / bare Python"},
    "soak": {"memory, MB", "threads", "handles", "outputs whole"},
    "stability": {"flips a minute", "accuracy", "added delay, ms"},
}


@pytest.mark.parametrize("name", list(NAMES))
def test_the_figures_of_a_committed_result(name: str) -> None:
    report = committed(name, Report)
    found = list(KINDS[report.benchmark].figures(report))
    assert {one.name for one in found} == NAMES[name]
    assert all(len(one.values) >= 3 for one in found)


def test_of_a_camera_latency_is_compared() -> None:
    report = committed("pipeline", PipelineReport)
    rows = [replace(row, paced_fps=30.0) for row in report.pipeline]
    paced = replace(report, pipeline=rows, start=None)
    names = {one.name for one in KINDS["pipeline"].figures(paced)}
    assert names == {"latency p50 / REF", "latency p99 / REF", "dropped"}


def test_every_comparable_benchmark_is_one() -> None:
    assert set(KINDS) == set(REPORTS) - {"peers", "shots"}

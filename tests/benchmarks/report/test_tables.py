"""Tables hold the figures of their report, and say what wasn't measured."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.harness.schema.accuracy import AccuracyReport, FailedAccuracy
from benchmarks.harness.schema.engine import (
    EngineReport,
    FailedEngine,
    GpuTimes,
    Roofline,
    RooflineShare,
    ScenarioRow,
    Work,
)
from benchmarks.harness.schema.loading import LoadingReport
from benchmarks.harness.schema.pipeline import PipelineReport
from benchmarks.report.tables import row_title, tables
from runtime.errors import UserError
from tests.benchmarks.committed import committed


def test_a_gpus_breakdown_the_roofline_and_scenarios() -> None:
    report = committed("engine_cpu", EngineReport)
    times = GpuTimes(host_to_device=0.1, compute=2.5, device_to_host=0.1, enqueue=0.4)
    share = RooflineShare(
        flops_per_byte=15.3, bound="memory", roof_faces_per_s=153.2, share_of_roof=0.123
    )
    row = replace(report.engines[0], engine="a", batch=1, parts_ms=times, roofline=share)
    work = Work(gflops=0.1, weights=9, activations=9)
    scenario = ScenarioRow(
        engine="a",
        scenario="Offline",
        queries=9,
        samples_per_query=64,
        seconds=1,
        as_long_as_the_rules_ask=False,
        samples_per_s=9,
    )
    text = "\n".join(
        tables(
            replace(
                report,
                engines=[row],
                errors=[FailedEngine(engine="c", error="it takes another input")],
                scenarios=[scenario],
                roofline=Roofline(gflops={"fp32": 80.0}, gb_per_s=9.0, model=work),
            )
        )
    )
    assert "c: not measured: it takes another input" in text
    assert "| a | 1 | 0.1 | 2.5 | 0.1 | 0.4 |" in text
    assert "| a | 1 | 15.3 | memory | 153.2 | 12.30% |" in text
    assert "| a | Offline |  |  | 9 | 1 |" in text
    assert "fp32 80 GFLOP/s, memory 9.0 GB/s" in text


def test_what_was_not_measured_is_a_row() -> None:
    report = committed("accuracy", AccuracyReport)
    failed = FailedAccuracy(engine="c", sha256=None, megabytes=None, data="x", error="no such file")
    (text, *_) = tables(replace(report, rows=[*report.rows, failed]))
    assert "| c | x |  | not measured: no such file |" in text


def test_a_cameras_frame_rate_stands_in_the_title() -> None:
    row = committed("pipeline", PipelineReport).pipeline[0]
    assert row_title(row) == row.title
    assert row_title(replace(row, paced_fps=30.0)) == f"{row.title}, camera of 30 FPS"


def test_without_a_table_it_says_so() -> None:
    with pytest.raises(UserError, match="a report of loading, not of engine"):
        tables(committed("loading", LoadingReport))

"""What the engine's benchmark prints of a report."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.engine.console import print_report
from benchmarks.harness.schema.engine import (
    EngineReport,
    FailedEngine,
    GpuTimes,
    RooflineShare,
    ScenarioRow,
)
from tests.benchmarks.committed import committed


def test_rows_and_what_was_not_measured(capsys: pytest.CaptureFixture[str]) -> None:
    report = committed("engine_cpu", EngineReport)
    times = GpuTimes(host_to_device=0.1, compute=2.5, device_to_host=0.1, enqueue=0.4)
    share = RooflineShare(
        flops_per_byte=15.3, bound="memory", roof_faces_per_s=153.2, share_of_roof=0.123
    )
    scenario = ScenarioRow(
        engine="main",
        scenario="Offline",
        queries=4,
        samples_per_query=64,
        seconds=1.5,
        as_long_as_the_rules_ask=False,
        samples_per_s=99.0,
    )
    row = replace(report.engines[0], parts_ms=times, roofline=share)
    failed = FailedEngine(engine="c", error="it takes another input")
    print_report(replace(report, engines=[row], errors=[failed], scenarios=[scenario]))
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith(f"{row.engine:<32} {row.batch:>5}")
    assert lines[2] == (
        "  on the GPU, ms: host_to_device 0.100, compute 2.500, device_to_host 0.100, enqueue 0.400"
    )
    assert lines[3].startswith("  12.3% of the roof's 153.2 faces/s (memory-bound")
    assert lines[4].endswith("Offline: 99 samples/s, in 1.5 s of 600")
    assert lines[5] == "c: not measured: it takes another input"

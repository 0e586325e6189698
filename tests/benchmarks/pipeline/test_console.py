"""What the pipeline's benchmark prints of a report."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.harness.schema.pipeline import PipelineReport
from benchmarks.pipeline.console import print_report
from tests.benchmarks.committed import committed


def test_rows_the_grid_and_the_load(capsys: pytest.CaptureFixture[str]) -> None:
    report = committed("pipeline_grid", PipelineReport)
    busy = replace(report, machine=replace(report.machine, load_1min=9.0))
    print_report(busy)
    shown = capsys.readouterr().out
    assert "others were using this machine" in shown
    assert all(f"{row.title}:\n" in shown for row in report.pipeline)
    lines = shown.splitlines()
    assert lines[-6].split() == ["faces,", "size", "\\", "streams", "1", "2", "4"]
    assert [line.split(",")[0].strip() for line in lines[-5:]] == ["1", "2", "4", "8", "16"]


def test_the_start_and_a_camera(capsys: pytest.CaptureFixture[str]) -> None:
    report = committed("pipeline", PipelineReport)
    (first, *_) = report.pipeline
    camera = replace(first, paced_fps=30.0, ratio=None, fps_over_slowest=None)
    print_report(replace(report, pipeline=[camera]))
    shown = capsys.readouterr().out
    assert f"{first.title}, a camera of 30 FPS each:" in shown
    assert "of REF a frame" not in shown
    assert shown.splitlines()[-1].startswith("import_s ")
    assert "over_bare_python" not in shown

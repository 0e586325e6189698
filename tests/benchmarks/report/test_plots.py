"""Plots of several reports together."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.harness.schema.accuracy import AccuracyReport, AccuracyRow
from benchmarks.harness.schema.engine import EngineReport
from benchmarks.harness.schema.pipeline import PipelineReport
from benchmarks.report.plots import accuracy_against_latency, pipelines
from tests.benchmarks.committed import committed


def test_pipelines_share_their_plots() -> None:
    reports = {name: committed(name, PipelineReport) for name in ("pipeline", "pipeline_main")}
    drawn = pipelines(reports)
    (axes,) = drawn["rate"][1].axes
    legend = axes.get_legend()
    assert legend is not None
    labels = [text.get_text() for text in legend.get_texts()]
    assert labels[:2] == ["default, 1 stream, 640x480", "main, 1 stream, 640x480"]


def test_artifacts_of_one_name_are_told_apart() -> None:
    engines, accuracy = committed("engine_cpu", EngineReport), committed("accuracy", AccuracyReport)
    engine, (row, *_) = engines.engines[0], accuracy.rows
    assert isinstance(row, AccuracyRow)
    models = [replace(engine, engine="m", batch=1, sha256=str(ms), p50_ms=ms) for ms in (6.0, 3.0)]
    rows = [replace(row, engine="m", sha256=sha) for sha in ("3.0", "9")]
    timed = replace(engines, engines=models)
    _, figure = accuracy_against_latency([timed], [replace(accuracy, rows=list(rows))])["latency"]
    places = {float(x) for line in figure.axes[0].lines for x in line.get_xdata()}
    assert places == {3.0}
    assert accuracy_against_latency([timed], [replace(accuracy, rows=[rows[1]])]) == {}

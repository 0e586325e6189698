"""The offered load is what was asked for, and every load gets its row."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np

from benchmarks.harness.synthetic import Camera, Loop
from benchmarks.overload import main
from benchmarks.regression.compared import KINDS


def test_a_camera_keeps_its_beat_and_never_catches_up_early() -> None:
    camera = Camera(Loop([np.zeros((4, 4, 3), np.uint8)], 20), fps=100)
    start = time.monotonic()
    times = []
    while (got := camera.read()) is not None:
        times.append(got.time_s)
    assert len(times) + camera.skipped == 20
    assert time.monotonic() - start >= 0.19
    assert times == sorted(times)
    assert camera.waited_s > 0
    assert all(t >= i / 100 for i, t in enumerate(times))


def test_what_passes_while_nobody_reads_is_gone() -> None:
    camera = Camera(Loop([np.full((4, 4, 3), i, np.uint8) for i in range(50)], 50), fps=100)
    assert camera.read() is not None
    time.sleep(0.1)
    got = camera.read()
    assert got is not None
    assert camera.skipped >= 8
    assert got.picture.bgr()[0, 0, 0] == camera.skipped + 2, "the frame of that moment"


def test_what_passes_after_the_end_is_no_frame() -> None:
    camera = Camera(Loop([np.zeros((4, 4, 3), np.uint8)], 3), fps=100)
    assert camera.read() is not None
    time.sleep(0.1)
    assert camera.read() is None
    assert camera.skipped == 2


def test_every_load_has_a_row(tiny_engine: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    flags = ["--engine", str(tiny_engine), "--faces", "2", "--streams", "2", "--load", "1", "2"]
    more = ["--seconds", "1", "--rounds", "1", "--latency_target", "40"]
    assert main([*flags, *more, "--output_json", str(out)]) == 0
    figures = json.loads(out.read_text())
    assert [row["load"] for row in figures["rows"]] == [1, 2]
    assert all(row["fps"] > 0 and row["p99_ms"] >= row["p50_ms"] for row in figures["rows"])
    assert figures["rows"][0]["p99_over_1x"] == 1
    assert figures["rows"][1]["offered_fps"] > figures["rows"][0]["offered_fps"]
    metrics = list(KINDS["overload"].metrics(figures))
    assert {metric.row for metric in metrics} == {"capacity", "load 1", "load 2"}
    assert all(len(metric.values) == 1 for metric in metrics)
    assert figures["settings"]["load"] == [1, 2]

"""A short soak counts every frame; a killed run leaves whole lines and a video."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.harness.results import read_report
from benchmarks.regression.compared_figures import KINDS
from benchmarks.soak import _gap_s, _is_whole, main
from tests.conftest import write_video


def test_soak_and_kill(tiny_engine: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    flags = ["--engine", str(tiny_engine), "--frames", "300", "--kills", "2"]
    assert main([*flags, "--output_json", str(out)]) == 0
    figures = json.loads(out.read_text())
    assert figures["soak"]["lines_written"] == 300
    assert figures["soak"]["faces_per_frame"] == pytest.approx(1, abs=0.1)
    assert [row["frame"] for row in figures["soak"]["rows"]] == [30 * k for k in range(1, 11)]
    assert figures["kills"] == {
        "kills": 2,
        "whole": 2,
        "largest_gap_s": figures["kills"]["largest_gap_s"],
    }
    found = {one.name: one.values for one in KINDS["soak"].figures(read_report(out))}
    assert found["outputs whole"] == [1, 1]
    assert len(found["memory, MB"]) == len(found["handles"]) == 10


def test_a_csv_cut_in_a_row_is_not_whole(tmp_path: Path) -> None:
    rows = tmp_path / "a.csv"
    for text, whole in (("a,b\n1,2\n", True), ("a,b\n1,2", False), ("a,b\n1\n", False)):
        rows.write_text(text)
        assert _is_whole(rows) is whole


def test_the_gap_is_what_the_video_lacks(tmp_path: Path) -> None:
    video, lines = tmp_path / "a.mp4", tmp_path / "a.jsonl"
    write_video(video, [np.zeros((32, 32, 3), np.uint8)] * 50, fps=25.0)
    lines.write_text('{"time_s": 0.0}\n{"time_s": 2.46}\n')
    assert _gap_s(lines, video) == pytest.approx(0.5)
    lines.write_text('{"time_s": 0.0}\n{"time_s": 2.')
    assert _gap_s(lines, video) is None
    lines.write_text('{"time_s": 0.0}\n{"time_s": 2.46}\n')
    video.write_bytes(b"")
    assert _gap_s(lines, video) == pytest.approx(2.46)

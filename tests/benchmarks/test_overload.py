"""The offered load is what was asked for, and every load gets its row."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.harness.results import read_report
from benchmarks.overload import main
from benchmarks.regression.compared_figures import KINDS


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
    found = list(KINDS["overload"].figures(read_report(out)))
    assert {one.row for one in found} == {"capacity", "load 1", "load 2"}
    assert all(len(one.values) == 1 for one in found)
    assert figures["settings"]["load"] == [1, 2]

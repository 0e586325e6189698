"""Every benchmark's JSON becomes tables and plots; what is broken is one line."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import pytest

from benchmarks.harness.results import write_report
from benchmarks.harness.schema.common import Report
from benchmarks.harness.schema.soak import SoakReport
from benchmarks.harness.schema.stability import StabilityReport
from benchmarks.report.command import main
from runtime.support.cli import run_command
from tests.benchmarks.committed import RESULTS, committed

NAMES = ("engine_cpu", "pipeline", "overload", "stability", "soak", "accuracy", "peers")


def _write(folder: Path, name: str, report: Report) -> str:
    path = str(folder / f"{name}.json")
    write_report(report, path)
    return path


def test_all_reports_in_one(tmp_path: Path) -> None:
    out = tmp_path / "out"
    files = [str(RESULTS / f"{name}.json") for name in NAMES]
    assert run_command(main, [*files, files[0], "--output_dir", str(out)]) == 0
    text = (out / "report.md").read_text()
    for name in NAMES:
        assert f": {name}\n" in text
    assert "## engine: engine_cpu_2" in text
    assert "Measured on AMD EPYC, 2 cores" in text
    plots = sorted(path.name for path in out.glob("*.png"))
    assert plots == [
        "accuracy_accuracy.png",
        "accuracy_latency.png",
        "engine_cpu_2_latency.png",
        "engine_cpu_latency.png",
        "overload_latency.png",
        "peers_rate.png",
        "pipeline_latency.png",
        "pipeline_rate.png",
        "soak_memory.png",
        "stability_flips.png",
    ]
    for name in plots:
        assert f"({name})" in text
        image = cv2.imread(str(out / name))
        assert image is not None
        assert image.std() > 5


def test_plots_alone(tmp_path: Path) -> None:
    files = [str(RESULTS / f"{name}.json") for name in ("pipeline", "pipeline_main")]
    flags = [*files, "--output_dir", str(tmp_path / "out"), "--plots_only"]
    assert run_command(main, flags) == 0
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["pipeline_latency.png", "pipeline_rate.png"]


def test_what_is_broken_is_one_line_and_the_rest_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    overload = json.loads((RESULTS / "overload.json").read_text())
    broken: dict[str, Any] = {
        "shape": {**overload, "rows": [{"load": 3}]},
        "empty": {**overload, "rows": []},
        "odd": {"benchmark": ["engine"], "machine": 3},
    }
    files = [str(RESULTS / "loading.json"), str(tmp_path / "none.json"), str(tmp_path / "t.json")]
    Path(files[-1]).write_text("no json")
    for name, data in broken.items():
        files.append(str(tmp_path / f"{name}.json"))
        Path(files[-1]).write_text(json.dumps(data))
    flags = ["--output_dir", str(tmp_path / "out")]
    assert run_command(main, [*files, str(RESULTS / "soak.json"), *flags]) == 0
    error = capsys.readouterr().err
    assert error.count("\n") == error.count("left out: ") == 6
    assert "a report of loading, not of engine" in error
    assert "not as this version of benchmarks.overload writes it (lacks the key rows[0]." in error
    assert "empty.json: its rows is empty" in error
    assert "not JSON" in error
    assert run_command(main, [*files, *flags]) == 2
    assert "error: none of the files" in capsys.readouterr().err


def test_sequences_or_clips_and_soak_or_kills_are_enough(tmp_path: Path) -> None:
    stability, soak = committed("stability", StabilityReport), committed("soak", SoakReport)
    files = [
        _write(tmp_path, "clips", replace(stability, sequences=None)),
        _write(tmp_path, "sequences", replace(stability, clips=None)),
        _write(tmp_path, "kills", replace(soak, soak=None)),
    ]
    out = tmp_path / "out"
    assert run_command(main, [*files, "--output_dir", str(out)]) == 0
    assert not (out / "kills_memory.png").exists()
    nothing = _write(tmp_path, "nothing", replace(soak, soak=None, kills=None))
    assert run_command(main, [nothing, "--output_dir", str(out)]) == 2

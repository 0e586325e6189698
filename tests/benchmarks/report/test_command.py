"""Every benchmark's JSON becomes tables and plots; what is broken is one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import pytest

from benchmarks.report.command import main
from benchmarks.report.plots import accuracy_against_latency, pipelines
from benchmarks.report.tables import table
from runtime.support.cli import run_command

MACHINE = {"cpu": "An abacus", "cores": 2, "load_1min": 0.1, "git": "abc1234"}


_GPU = {
    "parts_ms": {"host_to_device": 0.1, "compute": 2.5, "device_to_host": 0.1, "enqueue": 0.4},
    "roofline": {
        "flops_per_byte": 15.3,
        "bound": "memory",
        "roof_faces_per_s": 153.2,
        "share_of_roof": 0.123,
    },
}


def _engine(name: str, batch: int, ms: float) -> dict[str, Any]:
    times = {f"p{q}_ms": round(ms * (1 + q / 200), 2) for q in (50, 90, 95, 99)}
    return {"engine": name, "batch": batch, **times, "faces_per_s": 100, "speed": 1.5, **_GPU}


def _pipeline(faces: int, streams: int, fps: float) -> dict[str, Any]:
    return {
        "title": f"{faces} faces, {streams} streams, 640x480",
        "faces": faces,
        "streams": streams,
        "fps": fps,
        "fps_per_stream": fps / streams,
        "ratio": 1.2,
        "latency_ms": {"p50": 20, "p90": 30, "p99": 40},
        "latency_percentiles_ms": [10 + 0.3 * faces * k for k in range(101)],
        "dropped_share": 0.0,
        "keeps_30_fps": fps >= 30 * streams,
        "utilisation": {"capture": 0.1, "detect": 0.95, "classify": 0.6},
        "slowest": "detect",
        "slowest_alone_fps": 70.0,
        "fps_over_slowest": 0.9,
    }


def _accuracy(name: str, value: float) -> dict[str, Any]:
    return {
        "engine": name,
        "data": "faces valid",
        "n": 3139,
        "accuracy": value,
        "accuracy_95": [value - 0.012, value + 0.011],
        "macro_f1": 0.64,
        "ece": 0.07,
        "corruptions": {"n": 200, "clean": 0.86, "mean": 0.73},
        "through_detection": {"end_to_end": 0.84},
        "notes": ["a note"],
    }


def _load(load: float) -> dict[str, Any]:
    late = {"p50_ms": 20 + 10 * load, "p99_ms": 40 + 12 * load, "p99_over_1x": 1.0}
    dropped = max(0.0, 1 - 1 / load)
    return {
        "load": load,
        "offered_fps": 50 * load,
        "fps": 50,
        **late,
        "dropped": dropped,
        "shed_level": 0,
    }


def _peer(name: str, fps: float) -> dict[str, Any]:
    speed = {"fps": fps, "frame_ms": 1e3 / fps, "ratio": 50 / fps, "p99_ms": 2e3 / fps}
    return {
        "peer": name,
        "versions": {name: "1.0"},
        "backend": "none",
        "settings": "defaults",
        "start_s": 1.0,
        "peak_memory_mb": 200.0,
        "install_mb": None,
        "clips": [{"clip": "1 face", **speed, "faces_found": 1}],
        "faces": {
            "n": 9,
            "found": 8,
            "accuracy": 0.5,
            "accuracy_95": [0.2, 0.8],
            "lacks": ["fear"],
        },
    }


REPORTS: dict[str, dict[str, Any]] = {
    "engine": {
        "engines": [_engine(n, b, ms * b) for n, ms in (("a", 6), ("b", 4)) for b in (1, 8)],
        "errors": [{"engine": "c", "error": "it takes another input"}],
        "roofline": {"gflops": {"fp32": 80.0}, "gb_per_s": 9.0},
        "scenarios": [{"engine": "a", "scenario": "Offline", "samples_per_s": 9, "seconds": 1}],
    },
    "pipeline": {
        "pipeline": [_pipeline(f, s, 70 / f**0.3) for f in (1, 6) for s in (1, 2)],
        "start": {"import_s": 0.04},
    },
    "overload": {
        "faces": 6,
        "streams": 1,
        "capacity_fps": 50,
        "latency_target_ms": 60,
        "rows": [_load(k) for k in (0.5, 1, 2, 4)],
    },
    "stability": {
        "smoothing_s": 0.25,
        "sequences": {
            "n": 40,
            "faces": "faces",
            "fps": 15.0,
            "minutes": 4.0,
            "added_delay_ms": {"n": 30, "never": 0, "median": 200.0, "p90": 400.0},
            "raw": {"flips_per_minute": 60.0, "accuracy": 0.8},
            "smooth": {"flips_per_minute": 9.0, "accuracy": 0.83},
        },
        "clips": [{"clip": "c.mp4", "track_minutes": 1, "raw_flips_per_minute": 30.0}],
    },
    "soak": {
        "soak": {
            "frames": 100,
            "lines_written": 100,
            "fps": 80.0,
            "rows": [
                {"frame": k, "memory_mb": 150 + k / 50, "threads": 9, "handles": 12}
                for k in range(10, 101, 10)
            ],
        },
        "kills": {"kills": 5, "whole": 5, "largest_gap_s": 0.4},
    },
    "accuracy": {
        "benchmark": "accuracy",
        "rows": [
            _accuracy("a", 0.8525),
            _accuracy("b", 0.8515),
            {"engine": "c", "data": "x", "error": "no such file"},
        ],
    },
    "peers": {
        "benchmark": "peers",
        "cores": 2,
        "threads": "as they are",
        "rounds": 5,
        "rows": [_peer("a", 50), _peer("b", 9), {"peer": "c", "error": "no weights"}],
    },
}


def _write(folder: Path, reports: dict[str, dict[str, Any]]) -> list[str]:
    files = []
    for name, figures in reports.items():
        files.append(str(folder / f"{name}.json"))
        Path(files[-1]).write_text(json.dumps({"machine": MACHINE, **figures}))
    return files


def test_all_reports_in_one(tmp_path: Path) -> None:
    out = tmp_path / "out"
    files = _write(tmp_path, REPORTS)
    assert run_command(main, [*files, files[0], "--output_dir", str(out)]) == 0
    text = (out / "report.md").read_text()
    for name in REPORTS:
        assert f"## {name}: {name}" in text
    assert "An abacus, 2 cores" in text
    assert "not measured: no such file" in text
    assert "30 FPS kept" in text
    assert "c: not measured: it takes another input" in text
    assert "| a | 1 | 0.1 | 2.5 | 0.1 | 0.4 |" in text
    assert "| a | 1 | 15.3 | memory | 153.2 | 12.30% |" in text
    assert "| c | no weights |" in text
    plots = sorted(path.name for path in out.glob("*.png"))
    assert plots == [
        "accuracy_accuracy.png",
        "accuracy_latency.png",
        "engine_2_latency.png",
        "engine_latency.png",
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


def test_pipelines_share_their_plots(tmp_path: Path) -> None:
    reports = {
        name: {**REPORTS["pipeline"], "artifact": {"engine": name}} for name in ("default", "fast")
    }
    drawn = pipelines(reports)
    (axes,) = drawn["rate"][1].axes
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels[0].startswith("default, ")
    assert sum(label.startswith("fast, ") for label in labels) == 2
    flags = [*_write(tmp_path, reports), "--output_dir", str(tmp_path / "out"), "--plots_only"]
    assert run_command(main, flags) == 0
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["pipeline_latency.png", "pipeline_rate.png"]


def test_what_is_broken_is_one_line_and_the_rest_goes_on(tmp_path: Path, capsys) -> None:
    broken = {
        "unknown": {"benchmark": "loading"},
        "shape": {"engines": [{"engine": 3}]},
        "empty": {"pipeline": []},
        "odd": {"benchmark": ["engine"], "machine": 3},
    }
    files = [*_write(tmp_path, broken), str(tmp_path / "none.json"), str(tmp_path / "text.json")]
    Path(files[-1]).write_text("no json")
    flags = ["--output_dir", str(tmp_path / "out")]
    assert run_command(main, [*files, *_write(tmp_path, {"soak": REPORTS["soak"]}), *flags]) == 0
    error = capsys.readouterr().err
    assert error.count("\n") == error.count("left out: ") == 6
    assert "a report of loading" in error
    assert "not as benchmarks.engine writes it" in error
    assert "not JSON" in error
    assert run_command(main, [*files, *flags]) == 2
    assert "error: none of the files" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["stability", "soak"])
def test_a_part_is_enough(kind: str, tmp_path: Path) -> None:
    part = {"stability": ("smoothing_s", "clips"), "soak": ("kills",)}[kind]
    files = _write(tmp_path, {kind: {key: REPORTS[kind][key] for key in part}})
    assert run_command(main, [*files, "--output_dir", str(tmp_path / "out")]) == 0


def test_cells_cannot_break_a_table() -> None:
    assert table(["a", "b"], [["x|y\nz", None]]).splitlines()[-1] == "| x\\|y z |  |"


def test_artifacts_of_one_name_are_told_apart() -> None:
    engines = [{"engines": [{**_engine("m.onnx", 1, ms), "sha256": str(ms)} for ms in (6, 3)]}]
    rows = [{**_accuracy("m.onnx", 0.8), "sha256": sha} for sha in ("3", "9")]
    _, figure = accuracy_against_latency(engines, [{"rows": rows}])["latency"]
    places = {float(x) for line in figure.axes[0].lines for x in line.get_xdata()}
    assert places == {_engine("", 1, 3)["p50_ms"]}
    assert accuracy_against_latency(engines, [{"rows": rows[1:]}]) == {}

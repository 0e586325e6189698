"""Layers are ranked by what quantizing each one does."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import onnx
import pytest

from calibration import sensitivity
from calibration.fidelity import HeldOutSet
from calibration.quantize import quantizable
from calibration.sensitivity import keep_in_float, main
from export.graph.precision import to_fp16
from export.graph.to_onnx import write_artifact
from runtime.errors import UserError
from runtime.support.cli import run_command
from tests.conftest import TINY


def _run(*flags: object) -> int:
    return run_command(main, [str(flag) for flag in flags])


def test_all_layers_are_ranked(
    small_onnx: Path, real_faces_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--onnx", small_onnx, "--data_dir", real_faces_dir, "--dataset", "folder"]
    flags += ["--calibration_samples", 64, "--calibration_method", "minmax"]
    flags += ["--max_accuracy_drop", 100, "--target", "cpu", "--output_dir", tmp_path / "out"]
    assert _run(*flags, "--ranges", tmp_path / "r.json") == 0
    with (tmp_path / "out" / "sensitivity.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert {row["layer"] for row in rows} == set(quantizable(onnx.load(small_onnx)))
    kl = [float(row["kl"]) for row in rows]
    assert kl == sorted(kl, reverse=True)
    assert kl[0] > kl[-1] >= 0
    assert any(row["weights"].startswith("backbone.") for row in rows)
    assert (tmp_path / "out" / "sensitivity.png").stat().st_size > 5000
    assert "0 of " in capsys.readouterr().out
    assert (tmp_path / "r.json").is_file()


def test_layers_stay_in_float_until_the_limit_is_met(
    small_onnx: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = onnx.load(small_onnx)
    layers = quantizable(model)
    asked: list[list[str]] = []

    def quantize(*_: object, keep: list[str]) -> onnx.ModelProto:
        asked.append(keep)
        return model

    def compare(*_: object) -> dict[str, float]:
        return {"drop_points": 2.0 - 0.8 * len(asked[-1])}

    monkeypatch.setattr("calibration.quantize.quantize", quantize)
    monkeypatch.setattr("calibration.fidelity.measure_fidelity", compare)
    held_out = HeldOutSet(
        np.zeros((8, 3, 32, 32), np.float32), np.zeros(8, int), "x", np.zeros((8, 8)), 1.0
    )
    kept, drop = keep_in_float(model, {}, "cpu", held_out, layers, 0.5)
    assert kept == layers[:2]
    assert drop == pytest.approx(0.4)
    with pytest.raises(UserError, match="not met with all layers but one in float"):
        keep_in_float(model, {}, "cpu", held_out, layers[:2], 0.5)


def test_mistakes_are_one_line(
    small_onnx: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from dataclasses import replace

    half = tmp_path / "half.onnx"
    write_artifact(to_fp16(onnx.load(small_onnx)), replace(TINY, precision="fp16"), half)
    for file, message in ((half, "is fp16; name the fp32 file"), ("no.onnx", "no such file")):
        assert _run("--onnx", file, "--data_dir", tmp_path, "--output_dir", tmp_path / "o") == 2
        error = capsys.readouterr().err
        assert message in error
        assert error.count("\n") == 1


def test_help_needs_nothing_heavy() -> None:
    import subprocess
    import sys

    code = (
        "import sys; sys.modules.update(torch=None, onnx=None, matplotlib=None); "
        "import calibration.sensitivity as m; m.main(['--help'])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    options = sensitivity.SensitivityOptions.__dataclass_fields__
    assert all(f"--{name}" in result.stdout for name in options)

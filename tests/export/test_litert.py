"""A file for phones, where its converter is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from export.__main__ import main
from runtime.engines.sidecar import read_sidecar
from runtime.errors import UserError


def _export(checkpoint: Path, data: Path, out: Path, *flags: str) -> int:
    places = ["--checkpoint", str(checkpoint), "--output_dir", str(out), "--data_dir", str(data)]
    usual = ["--dataset", "folder", "--calibration_samples", "64", "--calibration_method", "minmax"]
    return main([*places, *usual, *flags])


def test_a_file_for_phones(small_checkpoint: Path, real_faces_dir: Path, tmp_path: Path) -> None:
    pytest.importorskip("litert_torch", reason="needs litert-torch (the extra tflite)")
    assert _export(small_checkpoint, real_faces_dir, tmp_path, "--precision", "tflite") == 0
    path = tmp_path / "emotion.tflite"
    assert {p.name for p in tmp_path.iterdir()} == {path.name, "emotion.tflite.json"}
    manifest = read_sidecar(path)
    assert manifest is not None
    assert manifest.precision == "fp32"
    assert manifest.proof["agreement"] == 1
    assert manifest.proof["kl"] < 1e-6


def test_without_the_converter_a_line_names_it(
    real_faces_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    # Before anything slow: the checkpoint isn't even read.
    with pytest.raises(UserError, match="pip install litert-torch ai-edge-litert"):
        _export(tmp_path / "unread", real_faces_dir, tmp_path, "--precision", "tflite")
    assert not list(tmp_path.iterdir())

"""The export of every precision: what it publishes, and what it refuses to."""

from __future__ import annotations

from pathlib import Path

import pytest

from export.__main__ import main
from runtime.engines.factory import open_engine, read_manifest
from runtime.engines.sidecar import read_sidecar
from runtime.errors import EngineError, UserError

NAMES = ("emotion.onnx", "emotion.fp16.onnx", "emotion.int8.onnx", "emotion.int8_cpu.onnx")


def _export(checkpoint: Path, data: Path, out: Path, *flags: str) -> int:
    places = ["--checkpoint", str(checkpoint), "--output_dir", str(out), "--data_dir", str(data)]
    usual = ["--dataset", "folder", "--calibration_samples", "64", "--calibration_method", "minmax"]
    return main([*places, *usual, *flags])


def test_each_precision_with_its_manifest(
    small_checkpoint: Path, real_faces_dir: Path, tmp_path: Path
) -> None:
    assert _export(small_checkpoint, real_faces_dir, tmp_path, "--precision", "fp32,fp16,int8") == 0
    assert {p.name for p in tmp_path.iterdir() if p.suffix == ".onnx"} == set(NAMES)
    for name, precision in zip(NAMES, ("fp32", "fp16", "int8", "int8"), strict=True):
        manifest = read_sidecar(tmp_path / name)
        assert manifest is not None
        assert (manifest.precision, manifest.temperature) == (precision, 1.5)
        assert read_manifest(tmp_path / name).agrees_with(manifest)
        if manifest.quantization.get("target") == "tensorrt":
            # ONNX Runtime would give other labels without a word.
            with pytest.raises(EngineError, match=r"this INT8 is for TensorRT.*int8_cpu\.onnx"):
                open_engine(tmp_path / name)
        else:
            open_engine(tmp_path / name).close()
        if precision != "fp32":
            assert manifest.proof["n"] == manifest.proof["n_labelled"] == 16
            assert manifest.proof["agreement"] >= 0.95
        if precision == "int8":
            target = "cpu" if "cpu" in name else "tensorrt"
            assert manifest.quantization == {
                "target": target, "method": "minmax", "faces": f"{real_faces_dir.name}/train",
                "n": 64, "seed": 0, "float_layers": [],
            }  # fmt: skip
            assert ("onnx_reference" in manifest.proof) == (target == "tensorrt")


def test_what_falls_short_is_not_published_and_costs_nothing_else(
    small_checkpoint: Path, real_faces_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "emotion.int8.onnx").write_text("older")
    monkeypatch.setattr("export.verification.gate.LEAST_AGREEMENT", {"fp16": 0.9, "int8": 1.1})
    with pytest.raises(UserError, match="int8 for tensorrt: agreement is below 1.1"):
        _export(small_checkpoint, real_faces_dir, tmp_path, "--precision", "fp32,fp16,int8")
    assert (tmp_path / "emotion.int8.onnx").read_text() == "older"
    assert {p.name for p in tmp_path.iterdir()} == {
        *("emotion.onnx", "emotion.json", "emotion.fp16.onnx", "emotion.fp16.json"),
        "emotion.int8.onnx",
    }


def test_a_full_disk_leaves_no_half_artifact(
    small_checkpoint: Path, real_faces_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, calls = Path.write_bytes, []

    def full(path: Path, data: bytes) -> int:
        calls.append(path)
        if len(calls) == 2:
            write(path, data[: len(data) // 2])
            raise OSError(28, "No space left on device")
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(UserError, match=r"emotion\.fp16\.onnx: No space left"):
        _export(small_checkpoint, real_faces_dir, tmp_path, "--precision", "fp32,fp16")
    assert {p.name for p in tmp_path.iterdir()} == {"emotion.onnx", "emotion.json"}


def test_layers_that_stay_in_float_are_in_the_manifest(
    small_checkpoint: Path, real_faces_dir: Path, tmp_path: Path
) -> None:
    flags = ("--precision", "int8", "--float_layers")
    with pytest.raises(UserError, match="--float_layers nonsense: no such layer"):
        _export(small_checkpoint, real_faces_dir, tmp_path, *flags, "nonsense")
    assert _export(small_checkpoint, real_faces_dir, tmp_path, *flags, "node_linear") == 0
    assert not (tmp_path / "emotion.onnx").exists()
    manifest = read_sidecar(tmp_path / "emotion.int8_cpu.onnx")
    assert manifest is not None
    assert manifest.quantization["float_layers"] == ["node_linear"]

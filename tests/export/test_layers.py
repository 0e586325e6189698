"""Where two artifacts part: the tensor that was changed is the one that is named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from export.graph.precision import to_fp16
from export.layers import LayersOptions, compare_layers, main
from runtime.engines.sidecar import write_sidecar
from runtime.manifest import METADATA_KEY, Manifest
from runtime.support.cli import run_command
from tests.conftest import TINY, write_tiny_onnx


def _save(model: onnx.ModelProto, path: Path, **changes: str) -> Path:
    manifest = replace(TINY, **changes)  # type: ignore[arg-type]
    onnx.helper.set_model_props(model, {METADATA_KEY: manifest.to_json()})
    onnx.save(model, path)
    write_sidecar(manifest, path)
    return path


@pytest.fixture
def reference(tmp_path: Path) -> Path:
    return write_tiny_onnx(tmp_path / "emotion.onnx")


def test_the_same_model_moves_nowhere(reference: Path) -> None:
    found = compare_layers(LayersOptions(str(reference), str(reference)))
    assert [d.tensor for d in found] == ["pooled", "flat", "logits"]
    assert all(d.relative == d.largest == 0 for d in found)


def test_the_changed_layer_is_the_first_that_moved(
    reference: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = onnx.load(reference)
    weights = model.graph.initializer[0]
    weights.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weights) * 2, "w"))
    other = _save(model, tmp_path / "other.onnx")
    found = {d.tensor: d for d in compare_layers(LayersOptions(str(reference), str(other)))}
    assert found["flat"].relative == 0
    assert found["logits"].relative > 0.01
    assert main(["--reference", str(reference), "--candidate", str(other)]) == 0
    said = capsys.readouterr().out
    assert said.index("logits: ") < said.index("that moved most")


def test_half_precision_moves_a_little(reference: Path, tmp_path: Path) -> None:
    half = _save(to_fp16(onnx.load(reference)), tmp_path / "half.onnx", precision="fp16")
    found = compare_layers(LayersOptions(str(reference), str(half)))
    assert found
    assert 0 < max(d.relative for d in found) < 0.01
    assert np.isfinite([d.largest for d in found]).all()


def test_mistakes_are_one_line(
    reference: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small = write_tiny_onnx(
        tmp_path / "small.onnx",
        Manifest(preprocess=replace(TINY.preprocess, size=48)),
        size=48,
    )
    wrong = {small: "takes other inputs", tmp_path / "no.onnx": "no such file"}
    for candidate, message in wrong.items():
        flags = ["--reference", str(reference), "--candidate", str(candidate)]
        assert run_command(main, flags) == 2
        error = capsys.readouterr().err
        assert message in error
        assert error.count("\n") == 1

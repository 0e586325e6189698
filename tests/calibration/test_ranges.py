"""Ranges are what the tensors hold, and are not measured twice."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibration import ranges as module
from calibration.calibration_set import METHODS, CalibrationOptions
from calibration.ranges import Ranges, get_ranges, measure_ranges, weights_hash
from runtime.errors import UserError
from runtime.manifest import Preprocess

SPEC = Preprocess(size=32)
INPUTS = np.random.default_rng(0).normal(0, 0.5, (40, 3, 32, 32)).astype(np.float32)


@pytest.fixture(scope="module")
def model(small_onnx: Path) -> onnx.ModelProto:
    return onnx.load(small_onnx)


def test_minmax_is_what_the_tensors_hold(model: onnx.ModelProto) -> None:
    measured = measure_ranges(model, INPUTS, "minmax")
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    (logits,) = session.run(["logits"], {"input": INPUTS})
    assert measured["logits"] == pytest.approx((logits.min(), logits.max()), abs=1e-5)
    assert measured["input"] == pytest.approx((INPUTS.min(), INPUTS.max()))
    layers = [n.input[0] for n in model.graph.node if n.op_type == "Conv"]
    assert set(layers) <= set(measured)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_stays_within_minmax(method: str, model: onnx.ModelProto) -> None:
    widest = measure_ranges(model, INPUTS, "minmax")
    measured = measure_ranges(model, INPUTS, method)
    assert set(measured) == set(widest)
    for name, (low, high) in measured.items():
        slack = 0.02 * (widest[name][1] - widest[name][0]) + 1e-6
        assert widest[name][0] - slack <= low <= high <= widest[name][1] + slack


_NUMBERS = st.floats(-1e6, 1e6)


@given(st.dictionaries(st.text(min_size=1), st.tuples(_NUMBERS, _NUMBERS).map(sorted), max_size=5))
def test_a_file_holds_what_was_saved(tensors: dict[str, list[float]]) -> None:
    from tempfile import TemporaryDirectory

    pairs = {name: (low, high) for name, (low, high) in tensors.items()}
    ranges = Ranges("abc", "minmax", "set/train", 9, 1, pairs)
    with TemporaryDirectory() as folder:
        path = Path(folder, "new", "ranges.json")
        ranges.save(path)
        assert Ranges.load(path) == ranges


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"tensors": {"x": [1]}}', '{"tensors": {"x": [2, 1]}}', '{"tensors": []}'],
)
def test_other_files_are_one_line(text: str, tmp_path: Path) -> None:
    path = tmp_path / "ranges.json"
    path.write_text(text)
    with pytest.raises(UserError, match="not a file of ranges") as caught:
        Ranges.load(path)
    assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match="No such file"):
        Ranges.load(tmp_path / "none.json")


def test_ranges_are_measured_once_and_read_again(
    model: onnx.ModelProto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "calibration_inputs", lambda *_: (INPUTS, "faces"))
    options = CalibrationOptions(ranges=str(tmp_path / "r.json"), calibration_method="minmax")
    first = get_ranges(options, "somewhere", "ferplus", model, SPEC)
    assert (first.method, first.faces, first.n) == ("minmax", "faces", 40)
    # From now on no faces are needed.
    monkeypatch.undo()
    assert get_ranges(options, None, "ferplus", model, SPEC) == first
    # Another network's weights are noticed.
    other = onnx.ModelProto.FromString(model.SerializeToString())
    weights = next(t for t in other.graph.initializer if len(t.dims) == 4)
    values = onnx.numpy_helper.to_array(weights) * 1.01
    weights.CopyFrom(onnx.numpy_helper.from_array(values, weights.name))
    assert weights_hash(other) != weights_hash(model)
    with pytest.raises(UserError, match="measured on another network's weights"):
        get_ranges(options, None, "ferplus", other, SPEC)
    with pytest.raises(UserError, match="INT8 needs faces to calibrate with"):
        get_ranges(replace(options, ranges=None), None, "ferplus", model, SPEC)


def test_the_shipped_ranges_are_the_shipped_models() -> None:
    root = Path(__file__).parents[2]
    shipped = Ranges.load(root / "calibration" / "emotion.ranges.json")
    model = onnx.load(root / "runtime" / "models" / "emotion.onnx")
    layers = [n.input[0] for n in model.graph.node if n.op_type in ("Conv", "Gemm")]
    assert set(layers) <= set(shipped.tensors)
    assert json.loads((root / "calibration" / "emotion.ranges.json").read_text())["n"] == 512


@pytest.mark.parametrize("method", ["minmax", "percentile"])
def test_any_number_of_faces_is_measured(method: str, model: onnx.ModelProto) -> None:
    for count in (37, 16):
        low, high = measure_ranges(model, INPUTS[:count], method)["input"]
        assert low == pytest.approx(INPUTS[:count].min(), abs=0.3)
        assert high == pytest.approx(INPUTS[:count].max(), abs=0.3)


def test_an_unwritable_place_is_told_before_the_measuring(
    model: onnx.ModelProto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "calibration_inputs", lambda *_: pytest.fail("measured"))
    with pytest.raises(UserError, match="--ranges /dev/null/r.json: can't make its folder"):
        get_ranges(CalibrationOptions(ranges="/dev/null/r.json"), "d", "ferplus", model, SPEC)

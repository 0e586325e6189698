"""INT8 graphs are what each target asks for, and still say nearly the same."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper

from calibration.fidelity import open_session
from calibration.quantize import quantizable, quantize
from calibration.ranges import measure_ranges
from export.graph.checks import check_graph
from runtime.errors import UserError

INPUTS = np.random.default_rng(0).normal(0, 0.5, (32, 3, 32, 32)).astype(np.float32)


@pytest.fixture(scope="module")
def model(small_onnx: Path) -> onnx.ModelProto:
    return onnx.load(small_onnx)


@pytest.fixture(scope="module")
def ranges(model: onnx.ModelProto) -> dict[str, tuple[float, float]]:
    return measure_ranges(model, INPUTS, "minmax")


def _constants(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    return {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}


def _kinds(model: onnx.ModelProto) -> Counter[str]:
    return Counter(node.op_type for node in model.graph.node)


def test_tensorrts_pairs_are_signed_symmetric_and_a_channel_each(model, ranges) -> None:
    made = quantize(model, ranges, "tensorrt")
    constants = _constants(made)
    pairs = [n for n in made.graph.node if n.op_type in ("QuantizeLinear", "DequantizeLinear")]
    assert pairs
    for node in pairs:
        zero = constants[node.input[2]]
        assert zero.dtype == np.int8
        assert not zero.any()
    assert not any(t.data_type == TensorProto.INT32 for t in made.graph.initializer)
    by_output = {name: node for node in made.graph.node for name in node.output}
    for layer in (n for n in made.graph.node if n.op_type == "Conv"):
        weights = by_output[layer.input[1]]
        assert weights.op_type == "DequantizeLinear"
        assert constants[weights.input[1]].shape == (constants[weights.input[0]].shape[0],)
    # The LSTM reads floats that nothing has quantized.
    (lstm,) = (n for n in made.graph.node if n.op_type == "LSTM")
    assert by_output[lstm.input[0]].op_type != "DequantizeLinear"
    assert all(constants[name].dtype == np.float32 for name in lstm.input[1:4])
    check_graph(made)


def test_the_cpus_activations_are_unsigned(model, ranges) -> None:
    made = quantize(model, ranges, "cpu")
    zeros = {t.name: t.data_type for t in made.graph.initializer if "zero_point" in t.name}
    assert TensorProto.UINT8 in zeros.values()
    with pytest.raises(UserError):
        check_graph(made)


@pytest.mark.parametrize("target", ["tensorrt", "cpu"])
def test_logits_stay_close(target: str, model, ranges) -> None:
    before, after = (open_session(m)(INPUTS) for m in (model, quantize(model, ranges, target)))
    assert np.abs(before - after).max() < 0.15 * np.abs(before - before.mean(0)).max() + 0.02
    assert not np.array_equal(before, after)


def test_layers_can_be_kept_or_chosen(model, ranges) -> None:
    layers = quantizable(model)
    every = _kinds(quantize(model, ranges, "tensorrt"))["DequantizeLinear"]
    kept = _kinds(quantize(model, ranges, "tensorrt", keep=layers[:2]))["DequantizeLinear"]
    alone = _kinds(quantize(model, ranges, "tensorrt", only=layers[3:4]))
    assert kept < every
    # Its input and its weights.
    assert (alone["QuantizeLinear"], alone["DequantizeLinear"]) == (1, 2)
    assert "QuantizeLinear" not in _kinds(model)


def test_mistakes_are_one_line(model, ranges) -> None:
    with pytest.raises(UserError, match="--float_layers nonsense: no such layer"):
        quantize(model, ranges, "cpu", keep=["nonsense"])
    with pytest.raises(UserError, match="the ranges don't fit the graph") as caught:
        quantize(model, {}, "tensorrt")
    assert "\n" not in str(caught.value)

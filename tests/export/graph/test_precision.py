"""FP16 keeps its interface; the twin of an FP16 graph has its numbers and no FP16."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper

from calibration.fidelity import open_session
from calibration.quantize import quantize
from calibration.ranges import measure_ranges
from export.graph.precision import to_fp16, widened

INPUTS = np.random.default_rng(0).normal(0, 0.5, (16, 3, 32, 32)).astype(np.float32)


@pytest.fixture(scope="module")
def model(small_onnx: Path) -> onnx.ModelProto:
    return onnx.load(small_onnx)


def _types(model: onnx.ModelProto) -> set[int]:
    return {t.data_type for t in model.graph.initializer}


def test_fp16_takes_and_gives_fp32(model: onnx.ModelProto) -> None:
    half = to_fp16(model)
    for value in (half.graph.input[0], half.graph.output[0]):
        assert value.type.tensor_type.elem_type == TensorProto.FLOAT
    assert TensorProto.FLOAT16 in _types(half)
    assert TensorProto.FLOAT not in _types(half)
    np.testing.assert_allclose(open_session(half)(INPUTS), open_session(model)(INPUTS), atol=5e-3)
    # What was given is as it was.
    assert TensorProto.FLOAT16 not in _types(model)


def test_the_twin_holds_the_same_numbers_wider(model: onnx.ModelProto) -> None:
    half = to_fp16(quantize(model, measure_ranges(model, INPUTS, "minmax"), "tensorrt"))
    twin = widened(half)
    assert TensorProto.FLOAT16 not in _types(twin)
    assert not any(
        a.i == TensorProto.FLOAT16
        for n in twin.graph.node
        if n.op_type == "Cast"
        for a in n.attribute
    )
    ours, theirs = (
        {t.name: numpy_helper.to_array(t) for t in m.graph.initializer} for m in (half, twin)
    )
    assert all(np.array_equal(ours[name].astype(theirs[name].dtype), theirs[name]) for name in ours)
    # The INT8 weights are what they were.
    assert any(value.dtype == np.int8 for value in theirs.values())
    assert np.isfinite(open_session(twin)(INPUTS)).all()

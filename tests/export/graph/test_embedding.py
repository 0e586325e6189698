from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest

from calibration.quantize import quantize
from calibration.ranges import measure_ranges
from export.graph.checks import check_graph
from export.graph.embedding import with_embedding
from export.graph.precision import to_fp16
from runtime.errors import UserError

INPUTS = np.random.default_rng(0).normal(0, 0.5, (6, 3, 32, 32)).astype(np.float32)


def _outputs(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {"input": INPUTS}), strict=True))


def _head(model: onnx.ModelProto) -> tuple[np.ndarray, np.ndarray]:
    weights = {w.name: onnx.numpy_helper.to_array(w) for w in model.graph.initializer}
    return weights["head.weight"], weights["head.bias"]


def test_logits_stay_bit_by_bit_and_follow_from_the_features(small_onnx):
    model = onnx.load(small_onnx)
    before = model.SerializeToString()
    whole = with_embedding(model)
    assert model.SerializeToString() == before
    outputs = _outputs(whole)
    assert np.array_equal(outputs["logits"], _outputs(model)["logits"])
    weight, bias = _head(model)
    assert outputs["embedding"].shape == (6, weight.shape[1])
    np.testing.assert_allclose(outputs["embedding"] @ weight.T + bias, outputs["logits"], atol=1e-5)
    check_graph(whole)


@pytest.mark.parametrize("target", ["cpu", "tensorrt"])
def test_features_of_a_quantized_graph_are_those_before_the_rounding(small_onnx, target):
    model = onnx.load(small_onnx)
    quantized = quantize(model, measure_ranges(model, INPUTS, "minmax"), target)
    outputs = _outputs(with_embedding(quantized))
    assert np.array_equal(outputs["logits"], _outputs(quantized)["logits"])
    wanted = _outputs(with_embedding(model))["embedding"]
    np.testing.assert_allclose(outputs["embedding"], wanted, atol=0.1)


def test_fp16_keeps_both_outputs_in_fp32(small_onnx):
    model = onnx.load(small_onnx)
    half, wanted = _outputs(to_fp16(with_embedding(model))), _outputs(with_embedding(model))
    for name in ("logits", "embedding"):
        assert half[name].dtype == np.float32
        np.testing.assert_allclose(half[name], wanted[name], atol=5e-3)


def test_a_graph_of_another_end_is_refused(small_onnx):
    whole = with_embedding(onnx.load(small_onnx))
    with pytest.raises(UserError, match="doesn't end in"):
        with_embedding(whole)

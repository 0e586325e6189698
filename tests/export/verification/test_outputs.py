"""The faces and the figures of the proof."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper

from export.verification.outputs import demo_inputs, prove
from runtime.errors import UserError
from runtime.manifest import Preprocess


def test_demo_inputs_are_distinct_and_the_same_every_time() -> None:
    torch.manual_seed(1)
    state = torch.get_rng_state()
    spec = Preprocess(size=48)
    inputs, majority, _ = demo_inputs(spec)
    assert majority.tolist() == [-1] * 12
    assert inputs.shape == (12, 3, 48, 48)
    assert inputs.dtype == np.float32
    assert len({face.tobytes() for face in inputs}) == 12
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(2)
    np.testing.assert_array_equal(demo_inputs(spec)[0], inputs)


class _Halves(torch.nn.Module):
    """Logits: the mean of a face's first channel, and zero."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        score = x[:, 0].mean((1, 2))
        return torch.stack([score, torch.zeros_like(score)], 1)


def _model(factor: float) -> onnx.ModelProto:
    """The same times a factor, as (batch, 3, 2, 2) -> (batch, 2)."""
    weights = np.zeros((12, 2), np.float32)
    weights[:4, 0] = factor / 4
    graph = helper.make_graph(
        [
            helper.make_node("Flatten", ["input"], ["flat"]),
            helper.make_node("MatMul", ["flat", "weights"], ["logits"]),
        ],
        "halves",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", 3, 2, 2])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 2])],
        [onnx.numpy_helper.from_array(weights, "weights")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def test_difference_is_of_probabilities_at_the_temperature(tmp_path: Path) -> None:
    inputs = np.ones((8, 3, 2, 2), np.float32)
    # The logit is 2 instead of 1; halved by the temperature before the sigmoid.
    expected = 1 / (1 + np.exp(-1.0)) - 1 / (1 + np.exp(-0.5))
    proof = prove(_Halves().eval(), _model(2.0), inputs, "ones", 2.0, 0.2)  # type: ignore[arg-type]
    assert proof["max_difference"]["1"] == pytest.approx(expected, abs=1e-3)
    assert (proof["faces"], proof["n"], proof["limit"]) == ("ones", 8, 0.2)
    with pytest.raises(UserError, match=r"1\.1e-01 at batch 8, over the limit of 1\.0e-01"):
        prove(_Halves().eval(), _model(2.0), inputs, "ones", 2.0, 0.1)  # type: ignore[arg-type]


def test_one_bad_face_is_enough() -> None:
    inputs = np.zeros((8, 3, 2, 2), np.float32)
    inputs[5, 0] = 1
    with pytest.raises(UserError, match="differs from PyTorch"):
        prove(_Halves().eval(), _model(1.1), inputs, "faces", 1.0, 1e-3)  # type: ignore[arg-type]

"""The gate names every reason, with the figures, in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from calibration.fidelity import HeldOutSet, open_session
from calibration.quantize import quantize
from calibration.ranges import measure_ranges
from export.graph.precision import to_fp16, widened
from export.verification.gate import LEAST_LABELLED, compare_reference, judge
from runtime.errors import UserError

GOOD = {
    "agreement": 0.999, "kl": 0.001, "batch_gap": 1e-6, "n": 400,
    "n_labelled": 400, "accuracy": 0.85, "drop_points": 0.3,
}  # fmt: skip


def test_good_figures_pass() -> None:
    judge("fp16", "emotion", GOOD | {"agreement": 0.995}, 0.5)
    judge("int8", "emotion", GOOD | {"agreement": 0.95}, 0.5)
    # Half a point can't be told on a few faces.
    few = {"n_labelled": LEAST_LABELLED - 1, "drop_points": 5.0}
    judge("int8", "emotion", GOOD | few, 0.5)
    judge("int8", "emotion", {k: GOOD[k] for k in ("agreement", "kl", "batch_gap", "n")}, 0.5)


@pytest.mark.parametrize(
    ("precision", "change", "reason"),
    [
        ("fp16", {"agreement": 0.99}, "agreement is below 0.995"),
        ("int8", {"agreement": 0.94}, "agreement is below 0.95"),
        ("int8", {"agreement": float("nan")}, "agreement is below 0.95"),
        ("fp16", {"kl": float("nan")}, "some probabilities are not numbers"),
        ("int8", {"kl": float("inf")}, "some probabilities are not numbers"),
        ("int8", {"drop_points": 0.6}, "accuracy drops by more than 0.5 points"),
        ("int8", {"drop_points": float("nan")}, "accuracy drops by more than"),
        ("int8", {"batch_gap": 0.1}, "the size of the batch changes a probability by 0.1"),
        ("int8", {"batch_gap": float("nan")}, "the size of the batch changes"),
    ],
)
def test_each_shortfall_is_told_with_the_figures(
    precision: str, change: dict[str, Any], reason: str
) -> None:
    with pytest.raises(UserError) as caught:
        judge(precision, "emotion.int8.onnx", GOOD | change, 0.5)
    message = str(caught.value)
    assert message.startswith("emotion.int8.onnx: ")
    assert reason in message
    assert "accuracy 0.85" in message
    assert message.endswith("it was not published")
    assert "\n" not in message


def test_onnxs_own_implementation_confirms_the_twin(small_onnx: Path) -> None:
    model = onnx.load(small_onnx)
    inputs = np.random.default_rng(0).normal(0, 0.5, (16, 3, 32, 32)).astype(np.float32)
    half = to_fp16(quantize(model, measure_ranges(model, inputs, "minmax"), "tensorrt"))
    held_out = HeldOutSet(inputs, np.full(16, -1), "made", open_session(model)(inputs), 1.0)
    figures = compare_reference(half, widened(half), held_out)
    assert figures["n"] == 4
    assert 0 <= figures["max_difference"] < 0.05
    # Another network is not confirmed.
    other = onnx.ModelProto.FromString(widened(half).SerializeToString())
    bias = next(t for t in other.graph.initializer if list(t.dims) == [8])
    bias.CopyFrom(onnx.numpy_helper.from_array(np.arange(8, dtype=np.float32), bias.name))
    assert compare_reference(half, other, held_out)["max_difference"] > 0.05

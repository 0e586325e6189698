"""The figures of a comparison, against an independent calculation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from scipy.special import rel_entr, softmax

from calibration.fidelity import HeldOutSet, measure_fidelity, open_session

INPUTS = np.random.default_rng(1).normal(0, 0.5, (50, 3, 32, 32)).astype(np.float32)


@pytest.fixture(scope="module")
def model(small_onnx: Path) -> onnx.ModelProto:
    return onnx.load(small_onnx)


def _held(logits: np.ndarray, majority: np.ndarray) -> HeldOutSet:
    return HeldOutSet(INPUTS, majority, "made", logits, 2.0)


def test_the_same_model_differs_in_nothing(model: onnx.ModelProto) -> None:
    logits = open_session(model)(INPUTS)
    figures = measure_fidelity(open_session(model), _held(logits, logits.argmax(1)), "same")
    assert (figures["n"], figures["agreement"], figures["accuracy"]) == (50, 1, 1)
    assert figures["drop_points"] == 0
    assert figures["kl"] < 1e-6
    assert figures["batch_gap"] < 1e-5


def test_figures_by_hand(model: onnx.ModelProto) -> None:
    theirs = open_session(model)(INPUTS)
    ours = theirs + np.random.default_rng(2).normal(0, 0.05, theirs.shape).astype(np.float32)
    majority = np.where(np.arange(50) % 5 == 0, -1, ours.argmax(1))
    majority[1] = (majority[1] + 1) % 8
    figures = measure_fidelity(open_session(model), _held(ours, majority), "noisy")
    same = ours.argmax(1) == theirs.argmax(1)
    assert figures["agreement"] == pytest.approx(same.mean(), abs=1e-4)
    p, q = softmax(ours / 2.0, 1), softmax(theirs / 2.0, 1)
    assert figures["kl"] == pytest.approx(rel_entr(p, q).sum(1).mean(), rel=0.01)
    counted = majority >= 0
    assert figures["n_labelled"] == 40
    before, after = ((logits.argmax(1) == majority)[counted].mean() for logits in (ours, theirs))
    assert figures["accuracy"] == pytest.approx(after, abs=1e-4)
    assert figures["drop_points"] == pytest.approx(100 * (before - after), abs=0.01)


def test_without_labels_there_is_no_accuracy(model: onnx.ModelProto) -> None:
    figures = measure_fidelity(
        open_session(model), _held(open_session(model)(INPUTS), np.full(50, -1)), "unlabelled"
    )
    assert "accuracy" not in figures
    assert "drop_points" not in figures


def test_faces_that_change_each_other_are_seen() -> None:
    """A network that subtracts the batch's mean is another for one face than for eight."""
    weights = np.random.default_rng(0).normal(0, 1, (3, 2)).astype(np.float32)
    axes = numpy_helper.from_array(np.array([0]), "axes")
    graph = onnx.helper.make_graph(
        [
            onnx.helper.make_node("GlobalAveragePool", ["input"], ["pooled"]),
            onnx.helper.make_node("Flatten", ["pooled"], ["flat"]),
            onnx.helper.make_node("ReduceMean", ["flat", "axes"], ["mean"], keepdims=1),
            onnx.helper.make_node("Sub", ["flat", "mean"], ["centred"]),
            onnx.helper.make_node("MatMul", ["centred", "w"], ["logits"]),
        ],
        "batch",
        [onnx.helper.make_tensor_value_info("input", 1, ["batch", 3, 32, 32])],
        [onnx.helper.make_tensor_value_info("logits", 1, ["batch", 2])],
        [numpy_helper.from_array(weights, "w"), axes],
    )
    model = onnx.helper.make_model(
        graph, opset_imports=[onnx.helper.make_opsetid("", 20)], ir_version=10
    )
    held_out = HeldOutSet(10 * INPUTS, np.full(50, -1), "made", np.zeros((50, 2), np.float32), 1.0)
    assert measure_fidelity(open_session(model), held_out, "batch")["batch_gap"] > 0.02

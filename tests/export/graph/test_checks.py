"""Graphs that TensorRT can't take, each refused in one line that names the node."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import NodeProto, TensorProto, helper, numpy_helper

from export.graph.checks import check_file, check_graph
from runtime.errors import UserError
from tests.conftest import REPO, write_tiny_onnx

#: (batch, 4, 6, 6) -> Conv -> (batch, 8, 6, 6) -> mean -> (batch, 8).
_TAIL = [
    helper.make_node("GlobalAveragePool", ["features"], ["pooled"], name="pool"),
    helper.make_node("Flatten", ["pooled"], ["logits"], name="flatten"),
]


def _model(
    nodes: Sequence[NodeProto],
    weights: dict[str, np.ndarray] | None = None,
    shape: Sequence[int | str] = ("batch", 4, 6, 6),
    opset: int = 20,
    output: Sequence[int | str] = ("batch", 8),
) -> onnx.ModelProto:
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, output)],
        [numpy_helper.from_array(value, name) for name, value in (weights or {}).items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)


def _quantized(
    zero: np.ndarray | None = np.zeros((), np.int8),  # noqa: B008
    weight_axis: int = 0,
    weight_scales: int = 8,
    bias: np.ndarray | None = None,
    scale: np.ndarray = np.float32(0.1),  # type: ignore[assignment]  # noqa: B008
) -> onnx.ModelProto:
    """A convolution of int8 Q/DQ pairs, as quantizers for TensorRT write it."""
    weights = {
        "s": np.asarray(scale),
        "w": np.ones((8, 4, 1, 1), np.int8),
        "ws": np.full(weight_scales, 0.01, np.float32),
        "wz": np.zeros(weight_scales, np.int8),
    }
    pair = ["s"]
    if zero is not None:
        weights["z"] = np.broadcast_to(zero, np.shape(scale)).copy()
        pair.append("z")
    nodes = [
        helper.make_node("QuantizeLinear", ["input", *pair], ["q"], name="quant"),
        helper.make_node("DequantizeLinear", ["q", *pair], ["d"], name="dequant"),
        helper.make_node(
            "DequantizeLinear", ["w", "ws", "wz"], ["wd"], name="weights", axis=weight_axis
        ),
        helper.make_node("Conv", ["d", "wd", "b"], ["features"], name="conv"),
        *_TAIL,
    ]
    weights["b"] = np.zeros(8, np.float32)
    if bias is not None:
        weights["bq"], weights["bs"] = bias, np.full(8, 0.001, np.float32)
        del weights["b"]
        nodes.insert(0, helper.make_node("DequantizeLinear", ["bq", "bs"], ["b"], name="bias"))
    return _model(nodes, weights)


def test_sound_graphs_pass(tmp_path: Path) -> None:
    check_graph(_quantized())
    check_file(write_tiny_onnx(tmp_path / "tiny.onnx"))
    # The whole architecture, with its LSTMs and reshapes.
    check_file(REPO / "runtime" / "models" / "emotion.onnx")


def test_graphs_of_free_sides_pass() -> None:
    check_file(REPO / "runtime" / "models" / "centerface.onnx")


@pytest.mark.parametrize(("opset", "newest"), [(21, 20), (25, 24), (8, 20)])
def test_opsets_outside_the_parsers_range(opset: int, newest: int) -> None:
    model = _model([helper.make_node("Flatten", ["input"], ["logits"])], opset=opset)
    with pytest.raises(UserError, match=rf"^opset {opset}: .* 9 to {newest}; export with opset 20"):
        check_graph(model, newest)


def test_asymmetric_quantization() -> None:
    with pytest.raises(UserError, match=r"QuantizeLinear 'quant'.* asymmetric"):
        check_graph(_quantized(np.array(3, np.int8)))
    # A zero of uint8 stands for the middle of another range.
    with pytest.raises(UserError, match=r"QuantizeLinear 'quant' quantizes to uint8"):
        check_graph(_quantized(np.array(0, np.uint8)))
    with pytest.raises(UserError, match=r"QuantizeLinear 'quant' has no zero point"):
        check_graph(_quantized(None))


def test_computed_zero_points() -> None:
    model = _quantized()
    model.graph.node[1].input[2] = "elsewhere"
    with pytest.raises(UserError, match=r"DequantizeLinear 'dequant' computes its zero point"):
        check_graph(model)


def test_int32_biases() -> None:
    with pytest.raises(UserError, match=r"DequantizeLinear 'bias' dequantizes an int32 bias"):
        check_graph(_quantized(bias=np.zeros(8, np.int32)))


def test_scales_along_another_axis() -> None:
    with pytest.raises(
        UserError, match=r"'weights' has 4 scales along axis 1 .* Conv 'conv' .* along axis 0"
    ):
        check_graph(_quantized(weight_axis=1, weight_scales=4))
    with pytest.raises(UserError, match="'weights' has 5 scales along axis 0"):
        check_graph(_quantized(weight_scales=5))
    check_graph(_quantized(weight_axis=-4))


@pytest.mark.parametrize(("transposed", "right"), [(0, 1), (1, 0)])
def test_scales_of_a_linear_layer(transposed: int, right: int) -> None:
    side = {right: 8, 1 - right: 144}
    shape = (side[0], side[1])

    def linear(axis: int) -> onnx.ModelProto:
        weights = {
            "w": np.ones(shape, np.int8),
            "s": np.ones(shape[axis], np.float32),
            "z": np.zeros(shape[axis], np.int8),
        }
        nodes = [
            helper.make_node("Flatten", ["input"], ["flat"]),
            helper.make_node("DequantizeLinear", ["w", "s", "z"], ["d"], name="dq", axis=axis),
            helper.make_node("Gemm", ["flat", "d"], ["logits"], name="head", transB=transposed),
        ]
        return _model(nodes, weights)

    check_graph(linear(right))
    with pytest.raises(UserError, match=f"Gemm 'head' needs .* along axis {right}"):
        check_graph(linear(1 - right))


def test_activations_per_channel() -> None:
    with pytest.raises(UserError, match=r"'quant' quantizes activations per channel"):
        check_graph(_quantized(scale=np.full(4, 0.1, np.float32)))


@pytest.mark.parametrize(
    ("domain", "kind", "message"),
    [
        ("com.microsoft", "FusedConv", "FusedConv 'odd' is a custom operator of 'com.microsoft'"),
        ("", "QLinearConv", "QLinearConv 'odd' is INT8 for the CPU"),
    ],
)
def test_operators_that_are_not_tensorrts(domain: str, kind: str, message: str) -> None:
    node = helper.make_node(kind, ["input"], ["features"], name="odd", domain=domain)
    with pytest.raises(UserError, match=message):
        check_graph(_model([node, *_TAIL]))


def test_an_input_of_one_batch_size() -> None:
    model = _model([helper.make_node("Flatten", ["input"], ["logits"])], shape=(2, 4, 6, 6))
    with pytest.raises(UserError, match="input 'input' takes only batches of 2"):
        check_graph(model)


def _reshaped(shape: list[int]) -> onnx.ModelProto:
    nodes = [
        helper.make_node("Relu", ["input"], ["r"]),
        helper.make_node("Reshape", ["r", "shape"], ["logits"], name="flatten"),
    ]
    return _model(nodes, {"shape": np.array(shape)}, output=("batch", "features"))


def test_a_batch_baked_into_a_reshape() -> None:
    check_graph(_reshaped([-1, 144]))
    check_graph(_reshaped([0, 144]))
    with pytest.raises(UserError, match=r"Reshape 'flatten'"):
        check_graph(_reshaped([2, 144]))
    # The rest takes up what the batch should: only the output's rows tell.
    with pytest.raises(UserError, match=r"has 2 rows .* perhaps by Reshape 'flatten' to \[2, -1\]"):
        check_graph(_reshaped([2, -1]))


def test_what_a_file_says_of_its_shapes_is_no_evidence() -> None:
    # Left over from tracing at a batch of 2: the nodes take any.
    model = _reshaped([-1, 144])
    model.graph.value_info.append(
        helper.make_tensor_value_info("r", TensorProto.FLOAT, [2, 4, 6, 6])
    )
    model.graph.output[0].type.tensor_type.shape.dim[0].dim_value = 2
    check_graph(model)
    # And the other way round.
    model = _reshaped([2, -1])
    model.graph.output[0].type.tensor_type.shape.dim[0].dim_param = "batch"
    with pytest.raises(UserError, match="has 2 rows"):
        check_graph(model)


def test_a_batch_that_is_read_from_the_input_is_free() -> None:
    nodes = [
        helper.make_node("Shape", ["input"], ["batch"], name="shape", start=0, end=1),
        helper.make_node("Concat", ["batch", "rest"], ["sides"], axis=0),
        helper.make_node("Reshape", ["input", "sides"], ["logits"], name="flatten"),
    ]
    check_graph(_model(nodes, {"rest": np.array([144])}))


def test_a_graph_that_fails_at_other_batches() -> None:
    nodes = [
        helper.make_node("GlobalAveragePool", ["input"], ["mean"]),
        helper.make_node("Concat", ["mean", "extra"], ["wide"], name="concat", axis=1),
        helper.make_node("Flatten", ["wide"], ["logits"]),
    ]
    with pytest.raises(UserError, match="fails at a batch of 5: .*concat.* dynamic batch"):
        check_graph(_model(nodes, {"extra": np.zeros((2, 4, 1, 1), np.float32)}))


@pytest.mark.parametrize("extra", ["state", "lengths"])
def test_a_batch_baked_into_an_lstm(extra: str) -> None:
    weights = {
        "w": np.zeros((1, 32, 36), np.float32),
        "r": np.zeros((1, 32, 8), np.float32),
        "s": np.array([0, 4, 36]),
        "axes": np.array([0]),
        # One row is a fixed batch as well.
        "state": np.zeros((1, 1, 8), np.float32),
        "lengths": np.full(2, 4, np.int32),
    }

    def lstm(inputs: list[str]) -> onnx.ModelProto:
        nodes = [
            helper.make_node("Reshape", ["input", "s"], ["rows"]),
            helper.make_node("Transpose", ["rows"], ["steps"], perm=[1, 0, 2]),
            helper.make_node(
                "LSTM", ["steps", "w", "r", *inputs], ["", "last"], name="lstm", hidden_size=8
            ),
            helper.make_node("Squeeze", ["last", "axes"], ["logits"]),
        ]
        return _model(nodes, weights)

    check_graph(lstm([]))
    inputs = ["", "", "state"] if extra == "state" else ["", "lengths"]
    with pytest.raises(UserError, match="LSTM 'lstm' carries a state or lengths for one batch"):
        check_graph(lstm(inputs))


def test_weights_in_a_file_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    onnx.save(
        _quantized(), path, save_as_external_data=True, location="weights.bin", size_threshold=0
    )
    check_file(path)
    (tmp_path / "weights.bin").unlink()
    with pytest.raises(UserError, match=r"model\.onnx: weights of .* the file 'weights\.bin'"):
        check_file(path)


def test_unnamed_nodes_are_known_by_their_output() -> None:
    model = _quantized(np.array(3, np.int8))
    model.graph.node[0].name = ""
    with pytest.raises(UserError, match="QuantizeLinear 'q'"):
        check_graph(model)


def test_files_that_are_not_onnx(tmp_path: Path) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(b"no model")
    with pytest.raises(UserError, match=r"broken\.onnx: not a sound ONNX file"):
        check_file(path)

"""The features that a network's last layer reads, as a second output of its graph."""

from __future__ import annotations

import onnx
from onnx import NodeProto, TensorProto

from runtime.errors import UserError
from runtime.manifest import EMBEDDING, LOGITS

#: Operators between the last layer and its input that change no more than precision.
_PASSED = ("QuantizeLinear", "DequantizeLinear", "Cast")


def with_embedding(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same graph with the last layer's input as the output `embedding`.

    Weights and `logits` stay as they are. In a quantized graph it is what the last layer's
    input was before it was quantized.

    Args:
        model: Gives `logits` (N, C) by a `Gemm`; left as it is.

    Returns:
        A checked copy.

    Raises:
        UserError: The graph ends otherwise, or has the output already.
    """
    copy: onnx.ModelProto = onnx.ModelProto.FromString(model.SerializeToString())
    graph = copy.graph
    makers = {name: node for node in graph.node for name in node.output}
    layer = _passed(makers, LOGITS)
    if layer is None or layer.op_type != "Gemm" or EMBEDDING in makers:
        raise UserError("the graph doesn't end in the layer that gives its logits from features")
    name = layer.input[0]
    while (maker := makers.get(name)) is not None and maker.op_type in _PASSED:
        name = maker.input[0]
    weights = _shape(graph, layer.input[1], makers)
    flags = {attribute.name: attribute.i for attribute in layer.attribute}
    width = weights[1 if flags.get("transB") else 0]
    # A node of its own: what is both an output and read on can't become FP16.
    graph.node.append(onnx.helper.make_node("Identity", [name], [EMBEDDING], "node_embedding"))
    batch = graph.output[0].type.tensor_type.shape.dim[0]
    side: str | int = batch.dim_param if batch.HasField("dim_param") else batch.dim_value
    graph.output.append(
        onnx.helper.make_tensor_value_info(EMBEDDING, TensorProto.FLOAT, [side, width])
    )
    onnx.checker.check_model(copy, full_check=True)
    return copy


def _passed(makers: dict[str, NodeProto], name: str) -> NodeProto | None:
    """The layer that makes a tensor, before what only changes its precision."""
    node = makers.get(name)
    while node is not None and node.op_type in _PASSED:
        node = makers.get(node.input[0])
    return node


def _shape(graph: onnx.GraphProto, name: str, makers: dict[str, NodeProto]) -> tuple[int, ...]:
    """Shape of the weights behind a layer's input."""
    while name in makers and makers[name].op_type in _PASSED:
        name = makers[name].input[0]
    return next(tuple(tensor.dims) for tensor in graph.initializer if tensor.name == name)

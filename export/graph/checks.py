"""What TensorRT refuses, or reads otherwise than ONNX Runtime, found before a build.

TensorRT-RTX 1.7.1's own parser accepts any opset number, a missing zero point
(which ONNX takes for uint8) and per-channel activations, and tells a baked batch
only when the build fails: these checks name the node instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, numpy_helper

from runtime.errors import UserError

#: TensorRT 10.0 "supports operators in the inclusive range of opset 9 to opset
#: 20" (onnx-tensorrt, docs/operators.md); JetPack 6 has 10.3.
OPSETS = (9, 20)

#: Two batches that no layer has as its size by chance.
_BATCHES = (5, 7)

_CPU_INT8 = {"ConvInteger", "MatMulInteger", "QLinearConv", "QLinearMatMul"}
_RECURRENT = {"GRU", "LSTM", "RNN"}

#: Their output may keep its shape though the batch changes: it holds the batch.
_SHAPE_READERS = {"Shape", "Size"}


def check_file(path: Path, max_opset: int = OPSETS[1]) -> None:
    """Checks an ONNX file as `check_graph` does, and that its weights are there.

    Raises:
        UserError: Not ONNX, weights are missing, or as `check_graph`.
    """
    try:
        model = onnx.load(path, load_external_data=False)
    except Exception as error:  # protobuf's errors have no common base
        raise UserError(f"{path}: not a sound ONNX file; export it again ({error})") from error
    try:
        _check_external(model.graph, path.parent)
        onnx.load_external_data_for_model(model, str(path.parent))
        check_graph(model, max_opset)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


def check_graph(model: onnx.ModelProto, max_opset: int = OPSETS[1]) -> None:
    """Refuses a graph that can't become a sound TensorRT plan with a free batch.

    Args:
        model: ONNX model with its weights; the first side of inputs is the batch.
        max_opset: Newest opset that the parser takes.

    Raises:
        UserError: The first thing that is wrong, with the node's name.
    """
    _check_opset(model, max_opset)
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.domain not in ("", "ai.onnx"):
            raise UserError(
                f"{_name(node)} is a custom operator of {node.domain!r}, which TensorRT has not; "
                "export with standard operators"
            )
        if node.op_type in _CPU_INT8:
            raise UserError(
                f"{_name(node)} is INT8 for the CPU; TensorRT takes pairs of QuantizeLinear and "
                "DequantizeLinear (python -m export --precision int8)"
            )
    _check_quantization(model.graph, weights)
    _check_batch(model, weights)


def _check_opset(model: onnx.ModelProto, newest: int) -> None:
    versions = [o.version for o in model.opset_import if o.domain in ("", "ai.onnx")]
    opset = versions[0] if versions else 1
    if not OPSETS[0] <= opset <= newest:
        raise UserError(
            f"opset {opset}: TensorRT's parser takes {OPSETS[0]} to {newest}; "
            f"export with opset {OPSETS[1]}"
        )


def _check_external(graph: onnx.GraphProto, folder: Path) -> None:
    for tensor in graph.initializer:
        if tensor.data_location != TensorProto.EXTERNAL:
            continue
        place = {entry.key: entry.value for entry in tensor.external_data}.get("location", "")
        if not (folder / place).is_file():
            raise UserError(
                f"weights of {tensor.name!r} are in the file {place!r}, which is missing; "
                "keep it beside the model, or export in one file"
            )


def _check_quantization(graph: onnx.GraphProto, weights: Mapping[str, TensorProto]) -> None:
    """Refuses all but symmetric int8 pairs, per channel for weights alone and on their own axis."""
    makers = {name: node for node in graph.node for name in node.output}
    users: dict[str, list[NodeProto]] = {}
    for node in graph.node:
        for name in node.input:
            users.setdefault(name, []).append(node)
    for node in graph.node:
        if node.op_type not in ("DequantizeLinear", "QuantizeLinear"):
            continue
        _check_zero_point(node, weights)
        scale = weights.get(node.input[1])
        if scale is None or np.prod(scale.dims, initial=1) == 1:
            continue
        source = node.input[0]
        if source not in weights and source in makers:
            quantizer = makers[source]
            source = quantizer.input[0] if quantizer.op_type == "QuantizeLinear" else source
        if source not in weights:
            raise UserError(
                f"{_name(node)} quantizes activations per channel, and TensorRT only weights; "
                "use one scale"
            )
        if node.op_type == "DequantizeLinear":
            for user in users.get(node.output[0], []):
                _check_axis(node, user, list(weights[source].dims), list(scale.dims))


def _check_zero_point(node: NodeProto, weights: Mapping[str, TensorProto]) -> None:
    remedy = "take the INT8 file for TensorRT (python -m export --precision int8)"
    value = weights.get(node.input[0])
    if value is not None and value.data_type == TensorProto.INT32:
        raise UserError(
            f"{_name(node)} dequantizes an int32 bias, which TensorRT can't: biases stay in "
            f"float; {remedy}"
        )
    if len(node.input) < 3 or not node.input[2]:
        kind = next((a.i for a in node.attribute if a.name == "output_dtype"), 0)
        if node.op_type == "QuantizeLinear" and kind != TensorProto.INT8:
            raise UserError(f"{_name(node)} has no zero point, so it quantizes to uint8; {remedy}")
        return
    zero = weights.get(node.input[2])
    if zero is None:
        raise UserError(f"{_name(node)} computes its zero point, which TensorRT can't; {remedy}")
    if zero.data_type != TensorProto.INT8:
        kind = TensorProto.DataType.Name(zero.data_type).lower()
        raise UserError(f"{_name(node)} quantizes to {kind}, TensorRT to int8; {remedy}")
    if numpy_helper.to_array(zero).any():
        raise UserError(f"{_name(node)} is asymmetric (a zero point isn't zero); {remedy}")


def _check_axis(node: NodeProto, user: NodeProto, weight: list[int], scale: list[int]) -> None:
    """Refuses scales that don't run over the output channels of the weights' layer."""
    flags = {a.name: a.i for a in user.attribute}
    wanted = {
        "Conv": 0,
        "ConvTranspose": 1,
        "Gemm": 0 if flags.get("transB") else 1,
        "MatMul": len(weight) - 1,
    }.get(user.op_type)
    axis = next((a.i for a in node.attribute if a.name == "axis"), 1)
    axis += len(weight) if axis < 0 else 0
    if wanted is None or (axis == wanted and scale == weight[axis : axis + 1]):
        return
    raise UserError(
        f"{_name(node)} has {scale[0]} scales along axis {axis} of weights {weight}; "
        f"{user.op_type} {user.name!r} needs one per output channel, along axis {wanted}"
    )


def _check_batch(model: onnx.ModelProto, weights: Mapping[str, TensorProto]) -> None:
    remedy = "export with a dynamic batch"
    for value in _inputs(model.graph, weights):
        first = next(iter(value.type.tensor_type.shape.dim), None)
        if first is not None and first.HasField("dim_value"):
            raise UserError(
                f"input {value.name!r} takes only batches of {first.dim_value}; {remedy}"
            )
    for node in model.graph.node:
        if node.op_type in _RECURRENT and any(name in weights for name in node.input[4:7]):
            raise UserError(
                f"{_name(node)} carries a state or lengths for one batch size; "
                "leave them out (zeros and full lengths are implied)"
            )
    small, large = (_shapes(model, weights, batch, remedy) for batch in _BATCHES)
    for node in model.graph.node:
        if node.op_type in _SHAPE_READERS or not any(
            small.get(name) != large.get(name) for name in node.input
        ):
            continue
        outputs = [(small.get(name), large.get(name)) for name in node.output if name]
        if all(a is not None and None not in a and a == b for a, b in outputs):
            raise UserError(
                f"{_name(node)} gives {outputs[0][0]} whatever the batch: one is baked in; {remedy}"
            )
    for value in model.graph.output:
        shape = small.get(value.name) or (None,)
        if shape[0] not in (None, _BATCHES[0]):
            raise UserError(
                f"output {value.name!r} has {shape[0]} rows for a batch of {_BATCHES[0]}: a batch "
                f"is baked in{_suspect(model.graph, weights)}; {remedy}"
            )


def _inputs(
    graph: onnx.GraphProto, weights: Mapping[str, TensorProto]
) -> Iterator[onnx.ValueInfoProto]:
    """Yields the inputs proper: old files list the weights among them."""
    return (value for value in graph.input if value.name not in weights)


def _shapes(
    model: onnx.ModelProto, weights: Mapping[str, TensorProto], batch: int, remedy: str
) -> dict[str, tuple[int | None, ...]]:
    """Infers the shape of every tensor that ONNX knows at one batch size; None is unknown."""
    fixed = onnx.ModelProto()
    fixed.CopyFrom(model)
    # What the file says of shapes would hide what its nodes compute.
    del fixed.graph.value_info[:]
    for value in fixed.graph.output:
        value.type.tensor_type.ClearField("shape")
    for value in _inputs(fixed.graph, weights):
        if value.type.tensor_type.shape.dim:
            value.type.tensor_type.shape.dim[0].dim_value = batch
    try:
        graph = onnx.shape_inference.infer_shapes(fixed, strict_mode=True, data_prop=True).graph
    except Exception as error:  # ONNX's error is no public class
        raise UserError(
            f"the graph fails at a batch of {batch}: {str(error).splitlines()[0]}; {remedy}"
        ) from error
    return {
        value.name: tuple(
            side.dim_value if side.HasField("dim_value") else None
            for side in value.type.tensor_type.shape.dim
        )
        for value in (*graph.input, *graph.value_info, *graph.output)
        if value.type.tensor_type.HasField("shape")
    }


def _suspect(graph: onnx.GraphProto, weights: Mapping[str, TensorProto]) -> str:
    """Names the likeliest culprit: a Reshape that sets the first side to a constant."""
    for node in graph.node:
        if node.op_type == "Reshape" and node.input[1] in weights:
            shape = numpy_helper.to_array(weights[node.input[1]]).tolist()
            if shape and shape[0] > 0:
                return f", perhaps by {_name(node)} to {shape}"
    return ""


def _name(node: NodeProto) -> str:
    """Names an operator by its kind and name; exporters may leave the name out."""
    return f"{node.op_type} {node.name or node.output[0]!r}"

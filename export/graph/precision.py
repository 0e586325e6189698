"""Precision as a property of the graph: FP16 by casts, and INT8 over FP16.

TensorRT 11 has no builder flags for it any more, and strongly typed networks
of TensorRT 10 ignore them, so the ONNX file alone says what runs in what.
"""

from __future__ import annotations

import warnings

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper
from onnxconverter_common import float16

#: Quantize/dequantize pairs follow their scales, so these become FP16 as well.
_BLOCKED = [
    name
    for name in float16.DEFAULT_OP_BLOCK_LIST
    if name not in ("QuantizeLinear", "DequantizeLinear")
]


def to_fp16(model: onnx.ModelProto) -> onnx.ModelProto:
    """Brings weights and arithmetic to FP16; input and output stay FP32.

    Args:
        model: FP32, or quantized over FP32; left as it is.
    """
    copy = onnx.ModelProto.FromString(model.SerializeToString())
    with warnings.catch_warnings():
        # It names each of the weights that are smaller than FP16's least.
        warnings.simplefilter("ignore")
        result: onnx.ModelProto = float16.convert_float_to_float16(
            copy, keep_io_types=True, op_block_list=_BLOCKED
        )
    onnx.checker.check_model(result, full_check=True)
    return result


def widened(model: onnx.ModelProto) -> onnx.ModelProto:
    """Gives the same numbers in FP32 arithmetic: what FP16 tensors hold, as FP32.

    ONNX Runtime's CPU kernel quantizes FP16 by truncating where ONNX rounds
    (measured with 1.28: as truncation in 20,000 of 20,000 draws; its issue
    22741), so a quantized FP16 graph is judged by this twin.
    """
    twin: onnx.ModelProto = onnx.ModelProto.FromString(model.SerializeToString())
    for tensor in twin.graph.initializer:
        if tensor.data_type == TensorProto.FLOAT16:
            values = numpy_helper.to_array(tensor).astype(np.float32)
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    for node in twin.graph.node:
        for attribute in node.attribute:
            if node.op_type == "Cast" and attribute.i == TensorProto.FLOAT16:
                attribute.i = TensorProto.FLOAT
            elif attribute.t.data_type == TensorProto.FLOAT16:
                values = numpy_helper.to_array(attribute.t).astype(np.float32)
                attribute.t.CopyFrom(numpy_helper.from_array(values, attribute.t.name))
    del twin.graph.value_info[:]
    onnx.checker.check_model(twin, full_check=True)
    return twin

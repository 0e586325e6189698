"""INT8 as quantize/dequantize pairs in the graph, for the CPU and for TensorRT."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationMethod, QuantType
from onnxruntime.quantization.calibrate import TensorsData
from onnxruntime.quantization.qdq_quantizer import QDQQuantizer
from onnxruntime.quantization.registry import QDQRegistry

from runtime.errors import UserError

TARGETS = ("cpu", "tensorrt")

#: What holds weights, and is quantized for either target. The LSTM stays in float.
_LAYERS = ("Conv", "Gemm")


def quantizable(model: onnx.ModelProto) -> list[str]:
    """Names of the layers that can be quantized, in the graph's order."""
    return [node.name for node in model.graph.node if node.op_type in _LAYERS]


def quantize(
    model: onnx.ModelProto,
    ranges: Mapping[str, tuple[float, float]],
    target: str,
    keep: Collection[str] = (),
    only: Collection[str] = (),
) -> onnx.ModelProto:
    """Puts quantize/dequantize pairs round a model's layers.

    For the CPU: unsigned 8-bit activations with zero points, signed weights a
    channel, and every operator that ONNX Runtime has in integers. For
    TensorRT, as its guide on explicit quantization asks: signed and symmetric,
    weights a channel, no zero points but 0, no integer biases, convolutions and
    matrix products alone.

    Args:
        model: FP32; left as it is.
        ranges: Lowest and highest value by tensor.
        target: One of `TARGETS`.
        keep: Names of layers that stay in float.
        only: Names of the layers to quantize; empty quantizes all.

    Raises:
        UserError: A layer's tensors have no range, or a layer to keep is none.
    """
    layers = quantizable(model)
    for name in keep:
        if name not in layers:
            raise UserError(
                f"--float_layers {name}: no such layer; python -m calibration.sensitivity names "
                "them"
            )
    copy = onnx.ModelProto.FromString(model.SerializeToString())
    symmetric = target == "tensorrt"
    options: dict[str, Any] = {"ActivationSymmetric": symmetric, "WeightSymmetric": True}
    if symmetric:
        options["QuantizeBias"] = False
    if symmetric or only:
        # A layer's output is the next one's input, and quantized there.
        options["OpTypesToExcludeOutputQuantization"] = list(_LAYERS)
    data = {name: (np.float32(low), np.float32(high)) for name, (low, high) in ranges.items()}
    quantizer = QDQQuantizer(
        copy,
        per_channel=True,
        reduce_range=False,
        weight_qType=QuantType.QInt8,
        activation_qType=QuantType.QInt8 if symmetric else QuantType.QUInt8,
        tensors_range=TensorsData(CalibrationMethod.MinMax, data),
        nodes_to_quantize=list(only),
        nodes_to_exclude=list(keep),
        op_types_to_quantize=list(_LAYERS if symmetric or only else QDQRegistry),
        extra_options=options,
    )
    try:
        quantizer.quantize_model()
    except ValueError as error:
        raise UserError(
            f"the ranges don't fit the graph ({error}); they were measured with other versions of "
            "the exporter: measure them anew"
        ) from error
    quantizer.model.topological_sort()
    result: onnx.ModelProto = quantizer.model.model
    onnx.checker.check_model(result, full_check=True)
    return result

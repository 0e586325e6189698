"""A network as one self-contained ONNX file that carries its manifest."""

from __future__ import annotations

import logging
import re
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import onnx
import onnxsim
import torch
from torch import nn

from runtime.engines.publishing import publish
from runtime.errors import UserError
from runtime.manifest import METADATA_KEY, Manifest
from train.models.emotion_net import EmotionNet

OPSET = 20

#: What the exporter calls a value that has no name in the network.
_COUNTED_VALUE = re.compile(r"val_\d+")


def to_onnx(net: EmotionNet, size: int) -> onnx.ModelProto:
    """Traces and simplifies a network.

    Args:
        net: The network in evaluation mode, on the CPU.
        size: Side of the input in pixels.

    Returns:
        A checked model: `input` (batch, 3, size, size) float32 -> `logits`
        (batch, C) float32, every weight an initializer.

    Raises:
        UserError: The installed onnxsim left weights outside the initializers.
    """
    return trace(net, (3, size, size))


def trace(net: nn.Module, shape: Sequence[int]) -> onnx.ModelProto:
    """Traces and simplifies any network of one input and one output.

    Args:
        net: The network in evaluation mode, on the CPU.
        shape: Shape of one input.

    Returns:
        A checked model: `input` (batch, *shape) float32 -> `logits`, every
        weight an initializer.

    Raises:
        UserError: The installed onnxsim left weights outside the initializers.
    """
    # Two samples: a batch of one would be traced as a constant.
    example = torch.zeros(2, *shape)
    with warnings.catch_warnings():
        # They speak of PyTorch's own insides; the logger, of rewrites it skipped.
        warnings.simplefilter("ignore")
        logging.getLogger("onnxscript").setLevel(logging.ERROR)
        program = torch.onnx.export(
            net,
            (example,),
            dynamo=True,
            opset_version=OPSET,
            input_names=["input"],
            output_names=["logits"],
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            external_data=False,
            verbose=False,
        )
    assert program is not None
    # Folds the exporter's reshuffling of the LSTM's weights into initializers,
    # which TensorRT and the quantizers need.
    model: onnx.ModelProto
    model, _ = onnxsim.simplify(program.model_proto)
    weights = {tensor.name for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "LSTM" and not weights.issuperset(filter(None, node.input[1:4])):
            raise UserError(f"{node.name}: its weights were not folded; upgrade onnxsim")
    del model.metadata_props[:]
    _number_anew(model.graph)
    onnx.checker.check_model(model, full_check=True)
    return model


def _number_anew(graph: onnx.GraphProto) -> None:
    """Numbers what the exporter numbered, from zero.

    It goes on counting over a process's exports, and layers and kept ranges are
    known by names: the same network shall always have the same ones.
    """
    values: dict[str, str] = {}
    nodes: Counter[str] = Counter()
    for node in graph.node:
        for names in (node.input, node.output):
            for place, name in enumerate(names):
                if _COUNTED_VALUE.fullmatch(name):
                    names[place] = values.setdefault(name, f"val_{len(values)}")
        if node.name.startswith(f"node_{node.op_type}_"):
            node.name = f"node_{node.op_type}_{nodes[node.op_type]}"
            nodes[node.op_type] += 1
    for part in (*graph.initializer, *graph.value_info):
        part.name = values.get(part.name, part.name)


def write_artifact(model: onnx.ModelProto, manifest: Manifest, path: Path) -> None:
    """Writes the model with the manifest inside, and the sidecar beside it.

    An older artifact is replaced only once the new one is complete.

    Args:
        model: Model; its metadata is set to the manifest.
        manifest: What describes it; the sidecar gains the file's hash.
        path: Where the ONNX file goes.

    Raises:
        UserError: The folder can't be written to.
    """
    onnx.helper.set_model_props(model, {METADATA_KEY: manifest.to_json()})
    publish(model.SerializeToString(), manifest, path)

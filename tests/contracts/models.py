"""Small models of two outputs: `logits` (N, 8), and `embedding` (N, 3), the mean colour."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper

from runtime.engines.sidecar import write_sidecar
from runtime.manifest import METADATA_KEY
from runtime.manifest_fields import Output
from tests.conftest import TINY, write_tiny_onnx

#: What both outputs are.
DESCRIBED = replace(TINY, outputs={"embedding": Output("embedding", (3,))})


def batch(n: int, seed: int = 0) -> NDArray[np.float32]:
    """(n, 3, 32, 32) of noise, the same for the same seed."""
    return np.random.default_rng(seed).normal(size=(n, 3, 32, 32)).astype(np.float32)


def write_two_outputs(path: Path, broken: bool = False) -> Path:
    """The tiny model with its mean colour as a second output.

    Args:
        path: Where it goes.
        broken: Whether the second output can't be computed.
    """
    write_tiny_onnx(path, manifest=None)
    model = onnx.load(path)
    if broken:
        model.graph.initializer.append(helper.make_tensor("by", TensorProto.INT64, [2], [-1, 7]))
        node = helper.make_node("Reshape", ["flat", "by"], ["embedding"])
    else:
        node = helper.make_node("Identity", ["flat"], ["embedding"])
    model.graph.node.append(node)
    model.graph.output.append(
        helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", 3])
    )
    helper.set_model_props(model, {METADATA_KEY: DESCRIBED.to_json()})
    onnx.save(model, path)
    write_sidecar(DESCRIBED, path)
    return path


def plan_on_the_fake_gpu(request: pytest.FixtureRequest) -> Path:
    """A plan of both outputs that the fake TensorRT runs."""
    request.getfixturevalue("gpu")
    make_plan = request.getfixturevalue("make_plan")
    plan: Path = make_plan("two.plan", manifest=DESCRIBED, content={"more_outputs": ["embedding"]})
    return plan


def plan_on_a_gpu(folder: Path) -> Path:
    """A plan of both outputs, built by the real TensorRT; skips where there is none."""
    pytest.importorskip("tensorrt", reason="needs an NVIDIA GPU and TensorRT")
    from export.to_plan import PlanOptions, build_plan

    source = write_two_outputs(folder / "two.onnx")
    return build_plan(PlanOptions(str(source), max_batch=4, opt_batch=4))


def write_checkpoint(path: Path) -> Path:
    """A checkpoint of a small network, untrained."""
    import torch

    from train.checkpoint import save_checkpoint
    from train.models.emotion_net import EmotionNet, ModelOptions

    torch.manual_seed(0)
    options = ModelOptions("test_resnet", "full", lstm_hidden=8, lstm_layers=1)
    net = EmotionNet(options, 8)
    save_checkpoint(path, net.state_dict(), replace(TINY, model=asdict(options)))
    return path

"""What the real TensorRT for RTX's parser and builder refuse; no check of ours saw the graphs."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from runtime.engines.trt import build as tensorrt_builder
from runtime.errors import UserError


@pytest.fixture
def rtx() -> ModuleType:
    """The real TensorRT-RTX."""
    return pytest.importorskip(
        "tensorrt_rtx", reason="tensorrt-rtx is not installed (pip install tensorrt-rtx)"
    )


def _refused(rtx: ModuleType, path: Path, nodes: list[Any], weights: dict[str, Any]) -> str:
    """What the real parser and builder say of a graph that no check of ours saw."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    graph = helper.make_graph(
        [helper.make_node(*args, **extra) for *args, extra in nodes],
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 4, 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    opset = helper.make_opsetid("", 20)
    onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=10), path)
    settings = tensorrt_builder.BuildSettings((1, 8, 16), targets=("8.9",))
    with pytest.raises(UserError) as caught:
        tensorrt_builder.build(rtx, path, settings)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_real_parser_names_the_node(rtx: ModuleType, tmp_path: Path) -> None:
    message = _refused(rtx, tmp_path / "det.onnx", [("Det", ["x"], ["y"], {"name": "det"})], {})
    assert "det.onnx: tensorrt_rtx" in message
    assert "can't take Det 'det': " in message


def test_networks_are_strongly_typed(rtx: ModuleType, tmp_path: Path) -> None:
    # A weakly typed network would cast in silence.
    nodes = [("Cast", ["x"], ["half"], {"to": 10}), ("Add", ["half", "x"], ["y"], {"name": "add"})]
    message = _refused(rtx, tmp_path / "mixed.onnx", nodes, {})
    assert "Add 'add': " in message
    assert "Half and Float" in message
    assert "catchCudaError" not in message
    assert "/_src/" not in message


def test_a_batch_baked_into_the_network(rtx: ModuleType, tmp_path: Path) -> None:
    nodes = [("Reshape", ["x", "shape"], ["y"], {})]
    message = _refused(rtx, tmp_path / "baked.onnx", nodes, {"shape": np.array([2, 16])})
    assert message.endswith("a batch is baked into it; export it with a dynamic batch")

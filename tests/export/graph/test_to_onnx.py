"""A traced graph is named alike each time, and its batch is free."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from calibration.fidelity import open_session
from calibration.ranges import weights_hash
from export.graph.to_onnx import to_onnx, trace
from runtime.errors import UserError
from train.checkpoint import load_checkpoint


def test_a_second_export_in_one_process_has_the_same_names(full_checkpoint: Path) -> None:
    # Kept ranges and --float_layers go by names; PyTorch's exporter goes on counting.
    net, manifest = load_checkpoint(full_checkpoint)
    first, second = (to_onnx(net, manifest.preprocess.size) for _ in range(2))
    assert first.SerializeToString(deterministic=True) == second.SerializeToString(
        deterministic=True
    )
    names = [node.name for node in first.graph.node]
    assert len(set(names)) == len(names)
    assert weights_hash(first) == weights_hash(second)


def test_any_network_of_one_input_is_traced_with_a_free_batch() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2)).eval()
    model = trace(net, (4,))
    (given,), (made,) = model.graph.input, model.graph.output
    assert (given.name, made.name) == ("input", "logits")
    assert given.type.tensor_type.shape.dim[0].dim_param
    run = open_session(model)
    for batch in (1, 5):
        inputs = np.random.default_rng(batch).normal(size=(batch, 4)).astype(np.float32)
        with torch.inference_mode():
            expected = net(torch.from_numpy(inputs)).numpy()
        np.testing.assert_allclose(run(inputs), expected, atol=1e-6)


def test_weights_that_were_not_folded_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    net = nn.LSTM(4, 3, batch_first=True).eval()

    class First(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = net

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            logits: torch.Tensor = self.lstm(x)[0][:, -1]
            return logits

    def leave_a_copy(model: onnx.ModelProto) -> tuple[onnx.ModelProto, bool]:
        """Does as an older onnxsim: the weights stay behind a node of their own."""
        (lstm,) = [node for node in model.graph.node if node.op_type == "LSTM"]
        copy = onnx.helper.make_node("Identity", [lstm.input[1]], ["copied"])
        lstm.input[1] = "copied"
        model.graph.node.insert(0, copy)
        return model, True

    monkeypatch.setattr("export.graph.to_onnx.onnxsim.simplify", leave_a_copy)
    with pytest.raises(UserError, match="its weights were not folded; upgrade onnxsim"):
        trace(First(), (5, 4))

"""A network behind the engine seam gives its own logits, whoever opened it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from runtime.errors import EngineError, UserError
from runtime.manifest import EMOTIONS, Manifest, Preprocess
from train.checkpoint import save_checkpoint
from train.models.emotion_net import EmotionNet, ModelOptions
from train.torch_engine import TorchEngine


@pytest.fixture(scope="module")
def net() -> EmotionNet:
    torch.manual_seed(0)
    return EmotionNet(ModelOptions("test_resnet", "baseline"), 3).eval()


def test_logits_are_the_networks(net: EmotionNet, tmp_path: Path) -> None:
    manifest = Manifest(EMOTIONS[:3], Preprocess(size=32), model=net.describe())
    path = tmp_path / "best.safetensors"
    save_checkpoint(path, net.state_dict(), manifest)
    opened, given = TorchEngine.open(path, "cpu"), TorchEngine(net, manifest, "mine", "cpu")
    assert opened.manifest == manifest
    assert (opened.name, given.name) == (f"{path}, PyTorch on cpu", "mine, PyTorch on cpu")
    batch = np.random.default_rng(0).normal(size=(3, 3, 32, 32)).astype(np.float32)
    with torch.inference_mode():
        expected = net(torch.from_numpy(batch)).numpy()
    for engine in (opened, given):
        logits = engine.logits(batch)
        np.testing.assert_array_equal(logits, expected)
        assert logits.dtype == np.float32
        # The caller owns them.
        logits[:] = 0
        np.testing.assert_array_equal(engine.infer(batch)["logits"], expected)
        with pytest.raises(EngineError, match="no output 'age'; it has logits"):
            engine.infer(batch, ("age",))
        engine.close()


def test_no_checkpoint_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such checkpoint"):
        TorchEngine.open(tmp_path / "none.safetensors")

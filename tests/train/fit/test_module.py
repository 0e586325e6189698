"""The training step: losses by hand, and what stays as it is."""

from __future__ import annotations

import pytest
import torch
from lightning.pytorch import seed_everything

from tests.train.fit.conftest import Fit
from train.fit.module import EmotionModule, LossOptions
from train.fit.schedule import ScheduleOptions
from train.models.emotion_net import EmotionNet, ModelOptions


def test_a_frozen_backbone_keeps_its_weights_and_statistics(fit: Fit) -> None:
    flags = ("--epochs", "1", "--freeze_epochs")
    frozen = fit("frozen", *flags, "2")
    weights, first = (
        torch.load(folder / "last.ckpt", weights_only=True)["state_dict"]
        for folder in (frozen, fit("free", *flags, "0"))
    )
    torch.manual_seed(0)
    seed_everything(3, verbose=False)
    options = ModelOptions(backbone="test_resnet", lstm_hidden=8)
    fresh = EmotionNet(options, 3).backbone.state_dict()
    assert all(torch.equal(weights[f"net.backbone.{k}"], v) for k, v in fresh.items())
    assert not all(torch.equal(first[f"net.backbone.{k}"], v) for k, v in fresh.items())
    assert not torch.equal(weights["net.head.weight"], first["net.head.weight"])


def test_class_weights_raise_the_loss_of_rare_classes() -> None:
    net = EmotionNet(ModelOptions(backbone="test_resnet", lstm_hidden=8), 3).eval()
    inputs, targets = torch.randn(2, 3, 32, 32), torch.eye(3)[:2]
    losses = []
    for weights in (None, torch.tensor([0.5, 4.0, 1.0])):
        module = EmotionModule(net, ScheduleOptions(), LossOptions(), 0, weights)
        module.log = lambda *_, **__: None  # type: ignore[method-assign, assignment]
        losses.append(module.training_step((inputs, targets, torch.zeros(2)), 0).item())
    with torch.inference_mode():
        single = -net(inputs).log_softmax(1)[[0, 1], [0, 1]].numpy()
    assert losses[0] == pytest.approx(single.mean())
    assert losses[1] == pytest.approx((0.5 * single[0] + 4 * single[1]) / 2)

"""Operations and parameters by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from train.ablation.cost import count_gflops, measure_cost
from train.models.emotion_net import MODEL_TYPES, EmotionNet, ModelOptions


def test_operations_are_counted_twice_for_a_multiply_add() -> None:
    assert count_gflops(nn.Conv2d(3, 8, 3, padding=1), 16) == 2 * 16 * 16 * 3 * 8 * 9 / 1e9


def test_the_lstms_operations_count() -> None:
    nets = [
        EmotionNet(ModelOptions(backbone="test_resnet", model_type=kind, lstm_hidden=8), 8).eval()
        for kind in MODEL_TYPES
    ]
    baseline, attention, full = (count_gflops(net, 64) for net in nets)
    assert baseline < attention < full
    channels = nets[2].lstm.input_size
    tokens = nets[2].backbone(torch.zeros(1, 3, 64, 64))[0].shape[2:].numel()
    weights = 2 * 4 * 8 * (channels + 8) + 2 * 4 * 8 * (16 + 8)
    # The classifier, too, has another width.
    head = 2 * 8 * (16 - channels)
    assert full - attention == pytest.approx((2 * tokens * weights + head) / 1e9)


def test_cost_leaves_the_number_of_threads_alone() -> None:
    net = EmotionNet(ModelOptions(backbone="test_resnet", model_type="baseline"), 8).eval()
    before = torch.get_num_threads()
    cost = measure_cost({"a": net, "b": net}, 32, rounds=3)
    assert torch.get_num_threads() == before
    assert cost["a"].parameters == sum(p.numel() for p in net.parameters())
    assert cost["a"].latency_ms > 0

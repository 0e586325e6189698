"""Each part of the network learns at the rate, and at the time, that was asked for."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
import torch

from runtime.errors import UserError
from train.fit.schedule import PROGRESS, ScheduleOptions, make_optimizer, make_scheduler
from train.models.emotion_net import EmotionNet, ModelOptions

PLAIN = ScheduleOptions(learning_rate=1.0, weight_decay=0.1)


@pytest.fixture(scope="module")
def net() -> EmotionNet:
    return EmotionNet(ModelOptions(backbone="test_resnet", lstm_hidden=8), 8)


def _rates(net: EmotionNet, options: ScheduleOptions) -> dict[str, tuple[float, float]]:
    """Rate and decay of every parameter."""
    names = {id(p): n for n, p in net.named_parameters()}
    found: dict[str, tuple[float, float]] = {}
    for group in make_optimizer(net, options).param_groups:
        for parameter in group["params"]:
            assert names[id(parameter)] not in found
            found[names[id(parameter)]] = group["lr"], group["weight_decay"]
    assert set(found) == set(names.values())
    return found


def test_norms_and_biases_do_not_decay(net: EmotionNet) -> None:
    shapes = {n: p.ndim for n, p in net.named_parameters()}
    for name, (rate, decay) in _rates(net, PLAIN).items():
        assert rate == 1.0
        assert decay == (0.1 if shapes[name] > 1 else 0.0)


def test_earlier_stages_learn_more_slowly(net: EmotionNet) -> None:
    options = replace(PLAIN, backbone_lr_scale=0.5, layer_decay=0.5)
    rates = {name: rate for name, (rate, _) in _rates(net, options).items()}
    order = [n for n, _ in net.named_parameters() if n.startswith("backbone")]
    assert all(rates[a] <= rates[b] for a, b in pairwise(order))
    assert rates[order[-1]] == 0.5
    assert rates["head.weight"] == 1.0
    stages = sorted({rates[n] for n in order}, reverse=True)
    assert stages == [0.5 * 0.5**i for i in range(len(stages))]
    assert len(stages) > 3
    # All of a stage alike.
    assert len({r for n, r in rates.items() if n.startswith("backbone.layer1.")}) == 1


@pytest.mark.parametrize(
    ("backbone", "stages"),
    [("resnet18", 5), ("tf_efficientnet_lite0", 8), ("convnext_atto", 5), ("test_vit", 7)],
)
def test_stages_are_the_backbones_own(backbone: str, stages: int) -> None:
    """A stem and four stages, however many blocks a stage has."""
    net = EmotionNet(ModelOptions(backbone=backbone, model_type="baseline"), 8)
    rates = {
        name: rate
        for name, (rate, _) in _rates(net, replace(PLAIN, layer_decay=0.5)).items()
        if name.startswith("backbone.")
    }
    assert sorted(set(rates.values())) == [0.5**i for i in reversed(range(stages))]


def test_a_backbone_without_stages_refuses_rates_of_their_own() -> None:
    net = EmotionNet(ModelOptions(backbone="test_resnet", model_type="baseline"), 8)
    net.backbone = torch.nn.Linear(3, 3)
    make_optimizer(net, PLAIN)
    with pytest.raises(UserError, match="--layer_decay 0.5: this backbone has no stages"):
        make_optimizer(net, replace(PLAIN, layer_decay=0.5))


def _course(options: ScheduleOptions, steps: int, epochs: int) -> list[float]:
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.AdamW([parameter], lr=options.learning_rate)
    scheduler = make_scheduler(optimizer, options, steps, epochs)["scheduler"]
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


def test_cosine_rises_for_the_warm_up_and_falls_to_zero() -> None:
    rates = _course(replace(PLAIN, scheduler="cosine", warmup_epochs=2.0), 100, 10)
    assert rates[0] == pytest.approx(0.01)
    assert rates[20] == pytest.approx(1.0)
    assert rates.index(max(rates)) == 20
    assert rates[60] == pytest.approx(0.5)
    assert rates[-1] < 0.001
    assert rates[:21] == sorted(rates[:21])
    assert rates[20:] == sorted(rates[20:], reverse=True)


def test_one_cycle_peaks_at_15_percent() -> None:
    rates = _course(replace(PLAIN, scheduler="onecycle"), 100, 10)
    assert rates.index(max(rates)) == pytest.approx(14, abs=1)
    assert max(rates) == pytest.approx(1.0)
    assert rates[-1] < 1e-4


def test_plateau_halves_when_more_than_five_epochs_bring_no_progress() -> None:
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.AdamW([parameter], lr=1.0)
    made = make_scheduler(optimizer, PLAIN, 100, 10)
    assert made["monitor"] == PROGRESS
    rates = []
    for accuracy in (0.5, 0.6, *[0.6] * 6, 0.7):
        made["scheduler"].step(accuracy)
        rates.append(optimizer.param_groups[0]["lr"])
    assert rates == [1.0] * 7 + [0.5] * 2

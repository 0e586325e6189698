"""How fast each part of the network learns, and when."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer, lr_scheduler

from runtime.errors import UserError

#: What a stage of a timm feature extractor is called: `blocks.3`, `stages_1`, `layer2`, `s4`.
_STAGE = re.compile(r"(?:model\.)?((?:blocks|stages|layers)[._]\d+|layer\d+|s\d+)\.")


#: What tells a better epoch from a worse one, as it is logged: accuracy, or
#: where no validation face has a majority, the likelihood of the votes.
PROGRESS = "valid_progress"


@dataclass(frozen=True)
class ScheduleOptions:
    """Rates over the network and over time.

    Attributes:
        learning_rate: Peak rate of the new layers.
        backbone_lr_scale: The backbone's last stage learns at this part of it.
        layer_decay: Each earlier stage learns at this part of the next one's
            rate (Howard and Ruder 2018); 1 turns it off.
        freeze_epochs: Epochs in which the backbone doesn't learn.
        weight_decay: AdamW's, on weights; never on norms and biases.
        scheduler: `plateau` (halved when more than 5 epochs bring nothing
            better), `cosine` (linear warm-up, then down to zero) or `onecycle`.
        warmup_epochs: Length of the cosine schedule's rise.
    """

    learning_rate: float = 1e-4
    backbone_lr_scale: float = 1.0
    layer_decay: float = 1.0
    freeze_epochs: int = 0
    weight_decay: float = 1e-5
    scheduler: str = "plateau"
    warmup_epochs: float = 1.0


def make_optimizer(net: nn.Module, options: ScheduleOptions, fused: bool = False) -> Optimizer:
    """Makes an AdamW (Loshchilov and Hutter 2019) with the rates that the options ask for.

    Args:
        net: Its backbone's parameters are called `backbone....`.
        options: Rates and decay.
        fused: One kernel for all parameters: some percent of a step on a CPU.
            Lightning can't clip gradients so in mixed precision.

    Raises:
        UserError: Rates shall differ by stage, and the backbone has none.
    """
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for rate, parameter in _rates(net, options):
        decay = options.weight_decay if parameter.ndim > 1 else 0.0
        groups.setdefault((rate, decay), []).append(parameter)
    return torch.optim.AdamW(
        [
            {"params": parameters, "lr": rate, "weight_decay": decay}
            for (rate, decay), parameters in groups.items()
        ],
        fused=fused,
    )


def _rates(net: nn.Module, options: ScheduleOptions) -> Iterator[tuple[float, nn.Parameter]]:
    """Yields every parameter with its peak rate."""
    stages = ["stem"]
    backbone: list[tuple[int, nn.Parameter]] = []
    for name, parameter in net.named_parameters():
        if not name.startswith("backbone."):
            yield options.learning_rate, parameter
            continue
        found = _STAGE.match(name.removeprefix("backbone."))
        if found is not None and found[1] not in stages:
            stages.append(found[1])
        # What stands between stages, or after the last, learns with the one before it.
        stage = stages.index(found[1]) if found else len(stages) - 1
        backbone.append((stage, parameter))
    if options.layer_decay < 1 and len(stages) == 1:
        raise UserError(
            f"--layer_decay {options.layer_decay:g}: this backbone has no stages that could learn "
            "at rates of their own; leave it at 1"
        )
    for stage, parameter in backbone:
        scale = options.layer_decay ** (len(stages) - 1 - stage)
        yield options.learning_rate * options.backbone_lr_scale * scale, parameter


def make_scheduler(
    optimizer: Optimizer, options: ScheduleOptions, steps: int, epochs: int
) -> dict[str, Any]:
    """Makes the schedule, as Lightning's `lr_scheduler` configuration.

    Args:
        optimizer: Of `make_optimizer`.
        options: Which schedule.
        steps: Optimizer steps of the whole training.
        epochs: Epochs of the whole training.
    """
    if options.scheduler == "plateau":
        plateau = lr_scheduler.ReduceLROnPlateau(optimizer, mode="max", factor=0.5, patience=5)
        return {"scheduler": plateau, "monitor": PROGRESS}
    if options.scheduler == "onecycle":
        cycle = lr_scheduler.OneCycleLR(
            optimizer,
            [float(group["lr"]) for group in optimizer.param_groups],
            total_steps=steps,
            pct_start=0.15,
        )
        return {"scheduler": cycle, "interval": "step"}
    rise = min(steps - 1, max(1, round(steps * options.warmup_epochs / epochs)))
    cosine = lr_scheduler.SequentialLR(
        optimizer,
        [
            lr_scheduler.LinearLR(optimizer, 0.01, total_iters=rise),
            lr_scheduler.CosineAnnealingLR(optimizer, steps - rise),
        ],
        milestones=[rise],
    )
    return {"scheduler": cosine, "interval": "step"}

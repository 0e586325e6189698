"""The training step, for Lightning's Trainer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor
from torch.nn import functional
from torchvision.transforms import v2

from runtime.errors import UserError
from train.model import EmotionNet
from train.schedule import ScheduleOptions, make_optimizer, make_scheduler
from train.score import Score, score_logits


@dataclass(frozen=True)
class LossOptions:
    """What counts as an error.

    Attributes:
        label_smoothing: Part of each target spread evenly over the classes.
        mixup: Parameter of mixup's Beta distribution (Zhang et al. 2018); 0
            turns it off.
        cutmix: The same for CutMix (Yun et al. 2019). With both, each batch
            has one of them.
    """

    label_smoothing: float = 0.0
    mixup: float = 0.0
    cutmix: float = 0.0


class EmotionModule(LightningModule):
    """Soft-vote cross-entropy and AdamW, with the options' schedule."""

    def __init__(
        self,
        net: EmotionNet,
        schedule: ScheduleOptions,
        loss: LossOptions,
        seed: int,
        class_weights: Tensor | None = None,
    ) -> None:
        """Prepares training.

        Args:
            net: The network.
            schedule: Rates and when they change.
            loss: Smoothing and mixing.
            seed: Each epoch's draws follow from it and the epoch's number.
            class_weights: (C,) float32 weight of each class in the loss.
        """
        super().__init__()
        self.net = net
        self._schedule, self._loss, self._seed = schedule, loss, seed
        self._mixes: list[v2.Transform] = []
        if loss.mixup:
            self._mixes.append(v2.MixUp(alpha=loss.mixup))
        if loss.cutmix:
            self._mixes.append(v2.CutMix(alpha=loss.cutmix))
        self.class_weights: Tensor | None
        # Not in the checkpoint: it follows from the options and the data.
        self.register_buffer("class_weights", class_weights, persistent=False)
        self._logits: list[Tensor] = []
        self._majority: list[Tensor] = []
        self.score: Score | None = None

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Notes how the schedule was laid out."""
        checkpoint["schedule"] = self._layout()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Refuses to go on with a schedule that was laid out otherwise.

        Raises:
            UserError: The scheduler, the rates or the number of steps were others.
        """
        if checkpoint.get("schedule") != self._layout():
            raise UserError(
                "--resume: the training had another learning rate schedule; give the --scheduler, "
                "--epochs, --batch_size and rates that it began with"
            )

    def _layout(self) -> dict[str, Any]:
        # A plateau has no end, so a longer training may go on from a shorter one.
        planned = 0 if self._schedule.scheduler == "plateau" else self._steps()
        return {**asdict(self._schedule), "steps": planned}

    def on_train_epoch_start(self) -> None:
        """Makes an epoch's randomness follow from its number, so that a resumed run repeats it."""
        rank = self.global_rank
        torch.manual_seed(self._seed * 1000 + self.current_epoch + 1_000_003 * rank)
        frozen = self.current_epoch < self._schedule.freeze_epochs
        # In evaluation mode its norms keep their statistics, too.
        self.net.backbone.train(not frozen).requires_grad_(not frozen)

    def training_step(self, batch: tuple[Tensor, Tensor, Tensor], index: int) -> Tensor:
        """Cross-entropy against the vote distribution (Barsoum et al. 2016, PLD)."""
        inputs, targets, _ = batch
        if self._mixes:
            mix = self._mixes[int(torch.randint(len(self._mixes), ()))]
            inputs, targets = mix(inputs, targets)
        inputs = inputs.contiguous(memory_format=torch.channels_last)
        loss = functional.cross_entropy(
            self.net(inputs),
            targets,
            weight=self.class_weights,
            label_smoothing=self._loss.label_smoothing,
        )
        self.log("loss/train", loss, prog_bar=True)
        return loss

    def validation_step(self, batch: tuple[Tensor, Tensor, Tensor], index: int) -> None:
        """Collects logits; the figures come at the epoch's end."""
        inputs, targets, majority = batch
        logits = self.net(inputs.contiguous(memory_format=torch.channels_last))
        self.log("loss/valid", functional.cross_entropy(logits, targets), batch_size=len(inputs))
        self._logits.append(logits.float().cpu())
        self._majority.append(majority.cpu())

    def finish_validation(self) -> Score:
        """The score of the validation epoch that just ran; forgets its logits."""
        self.score = score_logits(torch.cat(self._logits), torch.cat(self._majority))
        self._logits.clear()
        self._majority.clear()
        self.log("valid_accuracy", self.score.accuracy, prog_bar=True)
        self.log("valid_macro_f1", self.score.macro_f1, prog_bar=True)
        return self.score

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """What `train.schedule` makes of the options."""
        optimizer = make_optimizer(
            self.net, self._schedule, fused=self.trainer.precision == "32-true"
        )
        epochs = self.trainer.max_epochs or 1
        scheduler = make_scheduler(optimizer, self._schedule, self._steps(), epochs)
        return {"optimizer": optimizer, "lr_scheduler": scheduler}  # type: ignore[typeddict-item]

    def _steps(self) -> int:
        """Optimizer steps of the whole training."""
        return max(2, int(self.trainer.estimated_stepping_batches))


class OnValidation(Callback):
    """Calls back after each validation epoch, while averaged weights are in place.

    Must stand before the averaging callback in the trainer's list: that one
    puts the raw weights back at the same event.
    """

    def __init__(self, act: Callable[[EmotionModule, Score], None]) -> None:
        self._act = act

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Scores the epoch and hands the module over."""
        assert isinstance(pl_module, EmotionModule)
        score = pl_module.finish_validation()
        if not trainer.sanity_checking:
            self._act(pl_module, score)

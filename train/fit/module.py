"""The training step, for Lightning's Trainer."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor
from torch.nn import functional
from torch.optim.lr_scheduler import ReduceLROnPlateau
from torchvision.transforms import v2

from runtime.errors import UserError
from train.fit.schedule import PROGRESS, ScheduleOptions, make_optimizer, make_scheduler
from train.models.emotion_net import EmotionNet
from train.scores import Score, score_logits


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
        recipe: Mapping[str, Any] | None = None,
    ) -> None:
        """Prepares training.

        Args:
            net: The network.
            schedule: Rates and when they change.
            loss: Smoothing and mixing.
            seed: Each epoch's draws follow from it and the epoch's number.
            class_weights: (C,) float32 weight of each class in the loss.
            recipe: Whatever else must stay as it is when the training is resumed.
        """
        super().__init__()
        self.net = net
        self._schedule, self._loss, self._seed = schedule, loss, seed
        self._recipe = dict(recipe or {})
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
        self._losses: list[float] = []
        self.score: Score | None = None

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Notes what the training is made of."""
        checkpoint["recipe"] = self._layout()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Refuses to go on with another training than the one that was begun.

        Raises:
            UserError: An option that changes what is learned was another.
        """
        before, now = checkpoint.get("recipe", {}), self._layout()
        changed = [name for name in now if before.get(name) != now[name]]
        if changed:
            # The number of steps follows from the options, so these come first.
            name = changed[0]
            raise UserError(
                f"--resume: the training began with {name} {before.get(name)!r}, "
                f"not {now[name]!r}: give what it began with"
            )

    def _layout(self) -> dict[str, Any]:
        # A plateau has no end, so a longer training may go on from a shorter one.
        planned = 0 if self._schedule.scheduler == "plateau" else self._steps()
        parts = {**self._recipe, **asdict(self._loss), **asdict(self._schedule)}
        return {**parts, "seed": self._seed, "steps": planned}

    def on_train_epoch_start(self) -> None:
        """Makes an epoch's randomness follow from its number, so that a resumed run repeats it."""
        rank = self.global_rank
        torch.manual_seed(self._seed * 1000 + self.current_epoch + 1_000_003 * rank)
        frozen = self.current_epoch < self._schedule.freeze_epochs
        # In evaluation mode its norms keep their statistics, too.
        self.net.backbone.train(not frozen).requires_grad_(not frozen)

    def training_step(self, batch: tuple[Tensor, Tensor, Tensor], index: int) -> Tensor:
        """Computes cross-entropy against the vote distribution (Barsoum et al. 2016, PLD)."""
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
        loss = functional.cross_entropy(logits, targets)
        self.log("loss/valid", loss, batch_size=len(inputs))
        self._losses.append(float(loss) * len(inputs))
        self._logits.append(logits.float().cpu())
        self._majority.append(majority.cpu())

    def finish_validation(self) -> Score:
        """Scores the validation epoch that just ran, and forgets its logits."""
        majority = torch.cat(self._majority)
        self.score = score_logits(torch.cat(self._logits), majority)
        # The geometric mean of what the network gave to the votes.
        self.likelihood = math.exp(-sum(self._losses) / len(majority))
        self._logits.clear()
        self._majority.clear()
        self._losses.clear()
        self.log(PROGRESS, self.progress)
        self.log("valid_accuracy", self.score.accuracy, prog_bar=True)
        self.log("valid_macro_f1", self.score.macro_f1, prog_bar=True)
        return self.score

    @property
    def progress(self) -> float:
        """Tells a better epoch from a worse one, 0 to 1; see `PROGRESS`."""
        assert self.score is not None
        # Rounded as in the manifest, which a resumed run takes its best from.
        return round(self.score.accuracy if self.score.n else self.likelihood, 4)

    def on_train_epoch_end(self) -> None:
        """Steps the plateau before the checkpoint is saved; Lightning would do so after it."""
        scheduler = self.lr_schedulers()
        if isinstance(scheduler, ReduceLROnPlateau):
            scheduler.step(self.progress)

    def lr_scheduler_step(self, scheduler: Any, metric: Any) -> None:
        """Steps as Lightning does, but for the plateau."""
        if not isinstance(scheduler, ReduceLROnPlateau):
            super().lr_scheduler_step(scheduler, metric)

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """Makes the optimizer and the schedule that the options ask for."""
        optimizer = make_optimizer(
            self.net, self._schedule, fused=self.trainer.precision == "32-true"
        )
        epochs = self.trainer.max_epochs or 1
        scheduler = make_scheduler(optimizer, self._schedule, self._steps(), epochs)
        return {"optimizer": optimizer, "lr_scheduler": scheduler}  # type: ignore[typeddict-item]

    def _steps(self) -> int:
        """Counts the optimizer steps of the whole training."""
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

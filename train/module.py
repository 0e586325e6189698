"""The training step, for Lightning's Trainer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor
from torch.nn import functional

from runtime.errors import UserError
from train.model import EmotionNet
from train.score import Score, score_logits


class EmotionModule(LightningModule):
    """Soft-vote cross-entropy, AdamW, one-cycle or plateau schedule."""

    def __init__(
        self,
        net: EmotionNet,
        learning_rate: float,
        backbone_lr_scale: float,
        weight_decay: float,
        label_smoothing: float,
        scheduler: str,
        seed: int,
    ) -> None:
        super().__init__()
        self.net = net
        self._rates = (learning_rate * backbone_lr_scale, learning_rate)
        self._weight_decay = weight_decay
        self._smoothing = label_smoothing
        self._scheduler = scheduler
        self._seed = seed
        self._logits: list[Tensor] = []
        self._majority: list[Tensor] = []
        self.score: Score | None = None

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Refuses to go on with a schedule that was laid out otherwise.

        Raises:
            UserError: The scheduler or the number of steps was another.
        """
        planned = [schedule.get("total_steps") for schedule in checkpoint["lr_schedulers"]]
        if planned != [self._cycle_steps() if self._scheduler == "onecycle" else None]:
            raise UserError(
                "--resume: the training had another learning rate schedule; give the --scheduler, "
                "--epochs and --batch_size that it began with"
            )

    def on_train_epoch_start(self) -> None:
        """Makes an epoch's randomness follow from its number, so that a resumed run repeats it."""
        torch.manual_seed(self._seed * 1000 + self.current_epoch)

    def training_step(self, batch: tuple[Tensor, Tensor, Tensor], index: int) -> Tensor:
        """Cross-entropy against the vote distribution (Barsoum et al. 2016, PLD)."""
        inputs, targets, _ = batch
        inputs = inputs.contiguous(memory_format=torch.channels_last)
        loss = functional.cross_entropy(self.net(inputs), targets, label_smoothing=self._smoothing)
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
        """AdamW with its own rate for the backbone; no decay on norms and biases."""
        groups: list[dict[str, object]] = []
        for backbone, rate in zip((True, False), self._rates, strict=True):
            named = [
                p for n, p in self.net.named_parameters() if n.startswith("backbone") == backbone
            ]
            groups += [
                {
                    "params": [p for p in named if p.ndim > 1],
                    "lr": rate,
                    "weight_decay": self._weight_decay,
                },
                {"params": [p for p in named if p.ndim <= 1], "lr": rate, "weight_decay": 0.0},
            ]
        optimizer = torch.optim.AdamW(groups)
        if self._scheduler == "plateau":
            plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(
                optimizer, mode="max", factor=0.5, patience=5
            )
            return {
                "optimizer": optimizer,
                "lr_scheduler": {"scheduler": plateau, "monitor": "valid_accuracy"},
            }
        cycle = torch.optim.lr_scheduler.OneCycleLR(
            optimizer,
            [float(str(g["lr"])) for g in groups],
            total_steps=self._cycle_steps(),
            pct_start=0.15,
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": cycle, "interval": "step"}}

    def _cycle_steps(self) -> int:
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

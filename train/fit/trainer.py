"""Lightning's Trainer, as the options of `train.fit` ask for it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins import TorchCheckpointIO
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import (
    EarlyStopping,
    EMAWeightAveraging,
    ModelCheckpoint,
    TQDMProgressBar,
)
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.strategies import DDPStrategy

from runtime.errors import UserError
from runtime.support.files.writing import replacing
from train.fit.module import EmotionModule, OnValidation
from train.fit.options import FitOptions
from train.fit.schedule import PROGRESS
from train.fit.summary import Summary
from train.scores import Score


def make_trainer(
    options: FitOptions,
    on_validation: Callable[[EmotionModule, Score], None],
    summary: Summary,
) -> Trainer:
    """Makes a trainer that saves `last.ckpt` every epoch and stops early.

    Args:
        options: Devices, arithmetic, epochs, averaging, patience.
        on_validation: Called after each validation, averaged weights in place.
        summary: Kept up to date.

    Raises:
        UserError: The devices, the strategy or the arithmetic can't be had.
    """
    callbacks: list[Callback] = [OnValidation(on_validation), KeepSummary(summary)]
    if options.ema_decay:
        callbacks.append(EMAWeightAveraging(decay=options.ema_decay))
    callbacks += [
        EarlyStopping(PROGRESS, mode="max", patience=options.patience),
        ModelCheckpoint(options.checkpoint_dir, filename="last", enable_version_counter=False),
        TQDMProgressBar(refresh_rate=1 if sys.stderr.isatty() else 50),
    ]
    try:
        trainer = _trainer(options, callbacks, options.strategy)
        if options.freeze_epochs and isinstance(trainer.strategy, DDPStrategy):
            # A frozen backbone has no gradients to wait for.
            trainer = _trainer(options, callbacks, "ddp_find_unused_parameters_true")
        return trainer
    except (TypeError, ValueError, RuntimeError, MisconfigurationException) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"--accelerator, --devices, --strategy or --precision: {reason}") from error


def _trainer(options: FitOptions, callbacks: list[Callback], strategy: str) -> Trainer:
    return Trainer(
        accelerator=options.accelerator,
        devices=options.devices,
        num_nodes=options.num_nodes,
        strategy=strategy,
        precision=options.precision,  # type: ignore[arg-type]
        max_epochs=options.epochs,
        logger=TensorBoardLogger(options.log_dir, name=None),
        callbacks=callbacks,
        plugins=[WholeCheckpointIO()],
        accumulate_grad_batches=options.accumulate,
        deterministic=options.deterministic or None,
        # The data module shares the faces out itself.
        use_distributed_sampler=False,
        reload_dataloaders_every_n_epochs=1,
        num_sanity_val_steps=0,
        gradient_clip_val=1.0,
        enable_model_summary=False,
        log_every_n_steps=20,
    )


class KeepSummary(Callback):
    """Counts what was trained into a summary."""

    def __init__(self, summary: Summary) -> None:
        self._summary = summary

    def on_train_batch_end(self, *_: object) -> None:
        """Notes that there is something to tell."""
        self._summary.began = True

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Counts the epoch."""
        self._summary.epochs = trainer.current_epoch + 1


class WholeCheckpointIO(TorchCheckpointIO):
    """Replaces a checkpoint only once the new one is complete, within its own folder.

    Lightning's own writes it elsewhere and copies it over the old one, which a
    full disk or a kill would cut short.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None
    ) -> None:
        """Writes with `torch.save`.

        Raises:
            UserError: The disk is full, or the folder can't be written to.
        """
        try:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            with replacing(Path(path)) as partial:
                torch.save(checkpoint, partial)
        except (OSError, RuntimeError) as error:
            reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
            raise UserError(f"{path}: can't be written ({reason}); is the disk full?") from error

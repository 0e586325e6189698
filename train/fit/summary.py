"""What a training has reached, kept in a file beside its checkpoints, however it ends."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runtime.support.files.writing import write_whole

#: The file's name in `--checkpoint_dir`.
SUMMARY = "summary.json"


@dataclass
class Summary:
    """How far a training has come.

    Attributes:
        folder: Where its checkpoints are.
        data: Name of the validation faces.
        planned: Epochs that were asked for.
        began: Whether a step was taken, so that there is something to tell.
        epochs: Epochs that are done, those before a resumption among them.
        best: Figures of the best epoch, as in its manifest; empty before the first.
        best_epoch: Its number, from 0; -1 before the first.
        started: `time.monotonic` of the beginning.
    """

    folder: Path
    data: str
    planned: int
    began: bool = False
    epochs: int = 0
    best: Mapping[str, Any] = field(default_factory=dict)
    best_epoch: int = -1
    started: float = field(default_factory=time.monotonic)

    @property
    def last(self) -> Path:
        """Checkpoint to resume from."""
        return self.folder / "last.ckpt"

    @property
    def best_checkpoint(self) -> Path:
        """Checkpoint of the best epoch."""
        return self.folder / "best.safetensors"

    @property
    def minutes(self) -> float:
        """Minutes since the beginning, of this start alone."""
        return (time.monotonic() - self.started) / 60

    def record(self, ended: str) -> dict[str, Any]:
        """Gives what `summary.json` holds.

        Args:
            ended: What ended the training, in words.
        """
        return {
            "schema": 1,
            "ended": ended,
            "epochs": self.epochs,
            "epochs_planned": self.planned,
            "best_epoch": self.best_epoch if self.best else None,
            "best": dict(self.best),
            "best_checkpoint": _name(self.best_checkpoint),
            "last_checkpoint": _name(self.last),
            "minutes": round(self.minutes, 1),
        }

    def write(self, ended: str) -> None:
        """Writes `summary.json`, at once or not at all.

        Raises:
            UserError: It can't be written.
        """
        text = json.dumps(self.record(ended), indent=2)
        write_whole(self.folder / SUMMARY, text + "\n", "--checkpoint_dir")

    def sentence(self, ended: str) -> str:
        """Says what is left of a training that something ended."""
        reached = "before any epoch was measured"
        if self.best:
            reached = f"best epoch {self.best_epoch}: {describe(self.best)}; {self.best_checkpoint}"
        go_on = f"; go on from {self.last} with --resume" if self.last.is_file() else ""
        return (
            f"training ended by {ended} after {self.epochs} of {self.planned} epochs "
            f"({self.minutes:.0f} min), {reached}{go_on}"
        )


def describe(figures: Mapping[str, Any]) -> str:
    """Says an epoch's figures, as a manifest has them, in words."""
    if "accuracy" not in figures:
        return f"likelihood of the votes {figures['likelihood']:.4f}"
    return (
        f"accuracy {figures['accuracy']:.2%}, macro-F1 {figures['macro_f1']:.3f}, "
        f"n = {figures['n']}"
    )


def progress_of(figures: Mapping[str, Any]) -> float:
    """Takes from a manifest's figures how good an epoch was; see `schedule.PROGRESS`."""
    return float(figures["accuracy"] if "accuracy" in figures else figures["likelihood"])


def _name(path: Path) -> str | None:
    return path.name if path.is_file() else None

"""Figures of merit from logits."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torchmetrics.functional.classification import (
    multiclass_confusion_matrix,
    multiclass_f1_score,
)


@dataclass(frozen=True)
class Score:
    """What a model reached on the faces that have a majority label.

    Attributes:
        n: Number of those faces.
        accuracy: Fraction whose most probable label is the majority's.
        macro_f1: Mean F1 over the classes that occur.
        confusion: (C, C) counts; row is the truth, column the prediction.
    """

    n: int
    accuracy: float
    macro_f1: float
    confusion: Tensor

    def figures(self) -> dict[str, float | int]:
        """Accuracy, macro-F1 and n, rounded, for a manifest."""
        return {
            "n": self.n,
            "accuracy": round(self.accuracy, 4),
            "macro_f1": round(self.macro_f1, 4),
        }


def score_logits(logits: Tensor, majority: Tensor) -> Score:
    """Scores predictions.

    Args:
        logits: (N, C) float.
        majority: (N,) int64 class index; -1 leaves a face out.
    """
    counts = majority >= 0
    logits, majority = logits[counts], majority[counts]
    if not len(majority):
        return Score(0, 0.0, 0.0, torch.zeros(logits.shape[1], logits.shape[1], dtype=torch.long))
    guess = logits.argmax(1)
    classes = logits.shape[1]
    per_class = multiclass_f1_score(guess, majority, classes, average="none")
    confusion = multiclass_confusion_matrix(guess, majority, classes)
    present = confusion.sum(1) > 0
    return Score(
        n=len(majority),
        accuracy=float((guess == majority).float().mean()),
        macro_f1=float(per_class[present].mean()),
        confusion=confusion,
    )


def confusion_table(score: Score, labels: tuple[str, ...]) -> str:
    """The confusion matrix as aligned text, with recall per row."""
    width = max(map(len, labels)) + 1
    lines = [" " * width + "".join(f"{label[:7]:>8}" for label in labels) + "  recall"]
    for label, row in zip(labels, score.confusion.tolist(), strict=True):
        total = sum(row)
        hits = row[labels.index(label)]
        recall = f"{hits / total:7.1%}" if total else "      -"
        lines.append(f"{label:<{width}}" + "".join(f"{v:8d}" for v in row) + f" {recall}")
    return "\n".join(lines)

"""Figures of merit from logits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import entr, log_softmax
from torch import Tensor
from torchmetrics.functional.classification import (
    multiclass_confusion_matrix,
    multiclass_f1_score,
)

#: Bins of confidence, as in Guo et al. 2017.
BINS = 15

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
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
        """Gives accuracy, macro-F1 and n, rounded, for a manifest."""
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
    """Makes the confusion matrix as aligned text, with recall per row."""
    width = max(map(len, labels)) + 1
    lines = [" " * width + "".join(f"{label[:7]:>8}" for label in labels) + "  recall"]
    for label, row in zip(labels, score.confusion.tolist(), strict=True):
        total = sum(row)
        hits = row[labels.index(label)]
        recall = f"{hits / total:7.1%}" if total else "      -"
        lines.append(f"{label:<{width}}" + "".join(f"{v:8d}" for v in row) + f" {recall}")
    return "\n".join(lines)


def negative_log_likelihood(logits: Floats, targets: Floats) -> float:
    """Computes the mean cross-entropy in nats, of (N, C) logits against (N, C) distributions."""
    return float(-(targets * _log_probabilities(logits)).sum(1).mean())


def divergence(logits: Floats, targets: Floats) -> float:
    """Computes the mean divergence (Kullback-Leibler) of (N, C) logits from distributions, in nats.

    It is the cross-entropy less what no model can gain: the targets' own entropy.
    """
    own = entr(np.asarray(targets, np.float64)).sum(1).mean()
    return negative_log_likelihood(logits, targets) - float(own)


@dataclass(frozen=True, eq=False)
class Reliability:
    """Confidence against accuracy, in `BINS` equal bins of confidence.

    Attributes:
        count: (BINS,) int64 faces in each bin.
        confidence: (BINS,) float64 their mean confidence; NaN in an empty bin.
        accuracy: (BINS,) float64 the fraction that was right; NaN likewise.
    """

    count: NDArray[np.int64]
    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]

    @property
    def error(self) -> float:
        """Expected calibration error (Guo et al. 2017), 0 to 1; 0 without faces."""
        gaps = np.abs(np.nan_to_num(self.confidence - self.accuracy))
        return float((gaps * self.count).sum() / max(1, self.count.sum()))


def reliability(logits: Floats, majority: NDArray[np.int64]) -> Reliability:
    """Sorts faces into bins by the confidence of their guess.

    torchmetrics has the error alone; the diagram needs the bins.

    Args:
        logits: (N, C).
        majority: (N,) class index; -1 leaves a face out.
    """
    counts = majority >= 0
    probabilities = np.exp(_log_probabilities(logits[counts]))
    confidence = probabilities.max(1)
    hits = probabilities.argmax(1) == majority[counts]
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    count = np.bincount(bins, minlength=BINS)
    with np.errstate(invalid="ignore"):
        return Reliability(
            count.astype(np.int64),
            np.bincount(bins, confidence, BINS) / count,
            np.bincount(bins, hits, BINS) / count,
        )


def calibration_error(logits: Floats, majority: NDArray[np.int64]) -> float:
    """Computes the expected calibration error of (N, C) logits; see `reliability`."""
    return reliability(logits, majority).error


def _log_probabilities(logits: Floats) -> NDArray[np.float64]:
    result: NDArray[np.float64] = log_softmax(np.asarray(logits, np.float64), axis=1)
    return result

"""Everything that one set of logits says about a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import binomtest
from sklearn.metrics import auc, precision_recall_fscore_support, roc_auc_score, roc_curve

from runtime.emotion.classifier import softmax
from train.datasets.faces import FaceSet
from train.scores import (
    Reliability,
    Score,
    divergence,
    negative_log_likelihood,
    reliability,
    score_logits,
)

Logits = NDArray[np.float32]
Curve = tuple[NDArray[np.float64], NDArray[np.float64]]


@dataclass(frozen=True)
class Calibration:
    """How far confidence can be trusted at one temperature.

    Attributes:
        temperature: What the logits were divided by.
        nll: Mean cross-entropy to the votes (to the label where there is one
            vote a face), in nats.
        kl: Mean divergence from the votes in nats; None where there is one
            vote a face.
        bins: Confidence against accuracy, on the faces with a majority.
    """

    temperature: float
    nll: float
    kl: float | None
    bins: Reliability

    def figures(self) -> dict[str, float | None]:
        """Gives plain numbers, for JSON."""
        return {
            "temperature": self.temperature,
            "nll": round(self.nll, 4),
            "kl": None if self.kl is None else round(self.kl, 4),
            "ece": round(self.bins.error, 4),
        }


@dataclass(frozen=True)
class ClassFigures:
    """One class against the rest; None where a figure is undefined.

    Attributes:
        label: Name of the class.
        support: Faces whose majority it is.
        precision: Of the faces called so, the fraction that is; undefined
            where none was called so.
        recall: Of the faces that are so, the fraction called so.
        f1: Harmonic mean of both.
        auc: Area under the ROC curve.
        curve: False and true positive rates, of the same length.
    """

    label: str
    support: int
    precision: float | None
    recall: float | None
    f1: float | None
    auc: float | None
    curve: Curve | None

    def figures(self) -> dict[str, Any]:
        """Gives plain numbers, for CSV and JSON."""
        numbers = {k: getattr(self, k) for k in ("precision", "recall", "f1", "auc")}
        rounded = {k: None if v is None else round(v, 4) for k, v in numbers.items()}
        return {"label": self.label, "support": self.support, **rounded}


@dataclass(frozen=True)
class Figures:
    """All figures of a model on a set.

    Attributes:
        score: Accuracy, macro-F1 and confusion.
        interval: 95% interval of the accuracy.
        classes: One entry a class, in the model's order.
        before: Calibration of the bare logits.
        after: Calibration at the manifest's temperature.
        disputed_auroc: How well low confidence tells the faces without a majority
            (people disagreed, or saw no emotion) from the others: area under
            the ROC curve; None where all faces are of one kind.
    """

    score: Score
    interval: tuple[float, float]
    classes: list[ClassFigures]
    before: Calibration
    after: Calibration
    disputed_auroc: float | None


def compute_figures(logits: Logits, faces: FaceSet, temperature: float) -> Figures:
    """Computes the figures of a model on a set.

    Args:
        logits: (N, C) finite.
        faces: N faces in the model's C labels, at least one with a majority.
        temperature: The manifest's.
    """
    score = score_logits(torch.from_numpy(logits), torch.from_numpy(faces.majority))
    return Figures(
        score,
        wilson_interval(round(score.accuracy * score.n), score.n),
        _classes(softmax(logits, temperature), faces),
        _calibration(logits, faces, 1.0),
        _calibration(logits, faces, temperature),
        _disputed_auroc(softmax(logits, temperature), faces.majority),
    )


def wilson_interval(hits: int, n: int) -> tuple[float, float]:
    """Computes the 95% score interval of a fraction (Wilson 1927); holds near 0 and 1 as well."""
    interval = binomtest(hits, n).proportion_ci(0.95, method="wilson")
    return float(interval.low), float(interval.high)


def plain_accuracy(logits: Logits, majority: NDArray[np.int64]) -> float | None:
    """Computes the accuracy on (N,) majority labels, -1 left out; None where none is left."""
    counts = majority >= 0
    if not counts.any():
        return None
    return float((logits[counts].argmax(1) == majority[counts]).mean())


def _calibration(logits: Logits, faces: FaceSet, temperature: float) -> Calibration:
    scaled, targets = logits / np.float64(temperature), faces.targets()
    return Calibration(
        temperature,
        negative_log_likelihood(scaled, targets),
        divergence(scaled, targets) if faces.soft else None,
        reliability(scaled, faces.majority),
    )


def _disputed_auroc(
    probabilities: NDArray[np.float64], majority: NDArray[np.int64]
) -> float | None:
    disputed = majority < 0
    if disputed.all() or not disputed.any():
        return None
    return float(roc_auc_score(disputed, -probabilities.max(1)))


def _classes(probabilities: NDArray[np.float64], faces: FaceSet) -> list[ClassFigures]:
    counts = faces.majority >= 0
    truth, probabilities = faces.majority[counts], probabilities[counts]
    table = precision_recall_fscore_support(
        truth,
        probabilities.argmax(1),
        labels=range(len(faces.labels)),
        zero_division=np.nan,
    )
    result = []
    for index, (label, row) in enumerate(zip(faces.labels, zip(*table, strict=True), strict=True)):
        precision, recall, f1 = (None if np.isnan(v) else float(v) for v in row[:3])
        curve: Curve | None = None
        positive = truth == index
        # Without faces of both kinds there is no rate to draw.
        if positive.any() and not positive.all():
            false, true, _ = roc_curve(positive, probabilities[:, index])
            curve = (false, true)
        area = None if curve is None else float(auc(*curve))
        result.append(ClassFigures(label, int(positive.sum()), precision, recall, f1, area, curve))
    return result

"""Figures against values worked out by hand, and against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import classification_report, roc_auc_score

from runtime.emotion.classifier import softmax
from train.datasets.faces import FaceSet
from train.evaluate.figures import compute_figures, wilson_interval

LABELS = ("neutral", "happiness", "sadness")


def _faces(majority: list[int] | np.ndarray, soft: bool = False) -> FaceSet:
    majority = np.array(majority, np.int64)
    votes = np.eye(len(LABELS), dtype=np.float32)[np.maximum(majority, 0)]
    images = [np.zeros((8, 8), np.uint8)] * len(majority)
    return FaceSet("made/valid", LABELS, images, votes, majority, soft=soft)


def _logits(guesses: list[int]) -> np.ndarray:
    return 2 * np.eye(len(LABELS), dtype=np.float32)[guesses]


def test_wilson_by_hand() -> None:
    # Wilson's formula with z = 1.959964, for 8 of 10 (as in textbooks: 0.490 to 0.943).
    assert wilson_interval(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    low, high = wilson_interval(10, 10)
    assert low == pytest.approx(0.7225, abs=1e-4)
    assert high == 1


def test_the_shipped_models_interval() -> None:
    assert wilson_interval(2676, 3139) == pytest.approx((0.8397, 0.8645), abs=1e-4)


def test_undefined_figures_are_none_and_not_zero() -> None:
    # Nobody is sad, and the one guess of sadness is wrong; happiness is never guessed.
    figures = compute_figures(_logits([0, 0, 2, 1]), _faces([0, 1, 0, -1]), 1.0)
    neutral, happiness, sadness = figures.classes
    assert (neutral.precision, neutral.recall, neutral.support) == (0.5, 0.5, 2)
    assert (happiness.precision, happiness.recall, happiness.f1) == (None, 0, 0)
    assert (sadness.precision, sadness.recall, sadness.auc) == (0, None, None)
    assert figures.score.n == 3
    assert happiness.figures()["precision"] is None


def test_one_class_only_has_no_curve() -> None:
    figures = compute_figures(_logits([0, 1]), _faces([0, 0]), 1.0)
    assert [row.auc for row in figures.classes] == [None, None, None]


@given(st.integers(0, 500), st.floats(0.5, 3))
def test_classes_are_scikit_learns(seed: int, temperature: float) -> None:
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1, (40, 3)).astype(np.float32)
    majority = np.concatenate([[0, 1, 2], rng.integers(-1, 3, 37)])
    figures = compute_figures(logits, _faces(majority), temperature)
    known = majority >= 0
    truth, guess = majority[known], logits[known].argmax(1)
    report = classification_report(
        truth, guess, labels=range(3), target_names=LABELS, output_dict=True, zero_division=0
    )
    assert figures.score.macro_f1 == pytest.approx(report["macro avg"]["f1-score"])
    chances = softmax(logits[known], temperature)
    for index, row in enumerate(figures.classes):
        assert row.support == report[row.label]["support"]
        assert (row.precision or 0) == pytest.approx(report[row.label]["precision"])
        assert row.recall == pytest.approx(report[row.label]["recall"])
        assert row.auc == pytest.approx(roc_auc_score(truth == index, chances[:, index]))


def test_temperature_changes_confidence_and_no_guess() -> None:
    faces = _faces([0, 1, 2, 0], soft=True)
    figures = compute_figures(_logits([0, 1, 2, 1]), faces, 2.0)
    assert (figures.before.temperature, figures.after.temperature) == (1, 2)
    # -log of softmax((2, 0, 0)) at the truth, and at another class for the last face.
    right = np.log(1 + 2 * np.exp(-2.0))
    assert figures.before.nll == pytest.approx((4 * right + 2) / 4)
    right = np.log(1 + 2 * np.exp(-1.0))
    assert figures.after.nll == pytest.approx((4 * right + 1) / 4)
    # One-sided votes have no entropy of their own.
    assert figures.after.kl == pytest.approx(figures.after.nll)
    confidence = np.exp(-right)
    assert figures.after.bins.error == pytest.approx(abs(confidence - 0.75))


def test_one_vote_a_face_has_no_divergence() -> None:
    assert compute_figures(_logits([0]), _faces([0]), 1.0).after.kl is None


def test_uncertainty_is_low_confidence_where_people_disagreed() -> None:
    logits = _logits([0, 1, 2, 0]) * np.array([[1], [2], [0.1], [0.2]], np.float32)
    assert compute_figures(logits, _faces([0, 1, -1, -1]), 1.3).disputed_auroc == 1
    assert compute_figures(logits, _faces([0, -1, -1, 0]), 1.3).disputed_auroc == 0.5
    assert compute_figures(logits, _faces([-1, -1, 0, 0]), 1.3).disputed_auroc == 0
    assert compute_figures(logits, _faces([0, 1, 2, 0]), 1.3).disputed_auroc is None

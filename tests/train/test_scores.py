"""Figures of merit against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchmetrics.functional.classification import multiclass_calibration_error

from train.scores import (
    BINS,
    calibration_error,
    confusion_table,
    divergence,
    negative_log_likelihood,
    reliability,
    score_logits,
)


def _logits(guesses: list[int], classes: int = 3) -> torch.Tensor:
    return torch.eye(classes)[guesses]


def test_hand_computed_figures() -> None:
    # The last face has no majority; class 2 is never true.
    score = score_logits(_logits([0, 1, 1, 1, 2]), torch.tensor([0, 0, 1, 1, -1]))
    assert score.n == 4
    assert score.accuracy == pytest.approx(3 / 4)
    # F1 of class 0: precision 1, recall 1/2. Of class 1: precision 2/3, recall 1.
    assert score.macro_f1 == pytest.approx((2 / 3 + 4 / 5) / 2)
    assert score.confusion.tolist() == [[1, 1, 0], [0, 2, 0], [0, 0, 0]]
    assert score.figures() == {"n": 4, "accuracy": 0.75, "macro_f1": 0.7333}


def test_perfect_and_hopeless() -> None:
    truth = torch.tensor([0, 1, 2])
    assert score_logits(_logits([0, 1, 2]), truth).macro_f1 == 1
    hopeless = score_logits(_logits([1, 2, 0]), truth)
    assert (hopeless.accuracy, hopeless.macro_f1) == (0, 0)


def test_no_face_counts() -> None:
    score = score_logits(_logits([0, 1]), torch.tensor([-1, -1]))
    assert (score.n, score.accuracy, score.macro_f1) == (0, 0.0, 0.0)
    assert score.confusion.shape == (3, 3)


def test_table_shows_counts_and_recall() -> None:
    score = score_logits(_logits([0, 1, 1, 1]), torch.tensor([0, 0, 1, 1]))
    head, *rows = confusion_table(score, ("neutral", "happiness", "fear")).splitlines()
    assert head.split() == ["neutral", "happine", "fear", "recall"]
    assert rows[0].split() == ["neutral", "1", "1", "0", "50.0%"]
    assert rows[1].split() == ["happiness", "0", "2", "0", "100.0%"]
    assert rows[2].split() == ["fear", "0", "0", "0", "-"]


def test_calibration_error_and_likelihood_by_hand() -> None:
    # Confidence 0.9, 0.9, 0.6 (right, wrong, right) and one face without majority.
    chosen = np.array([[0.9, 0.1], [0.9, 0.1], [0.4, 0.6], [0.5, 0.5]])
    majority = np.array([0, 1, 1, -1])
    # Two bins: |0.9 - 0.5| for two faces, |0.6 - 1| for one.
    error = calibration_error(np.log(chosen), majority)
    assert error == pytest.approx((2 * 0.4 + 1 * 0.4) / 3)
    assert calibration_error(np.log(chosen), np.full(4, -1)) == 0
    targets = np.array([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0], [1.0, 0.0]])
    loss = -(np.log(0.9) + 0.5 * np.log(0.9 * 0.1) + np.log(0.6) + np.log(0.5)) / 4
    assert negative_log_likelihood(np.log(chosen), targets) == pytest.approx(loss)
    # Less the entropy of the one divided vote.
    assert divergence(np.log(chosen), targets) == pytest.approx(loss - np.log(2) / 4)


def test_divergence_is_zero_where_the_votes_are_met() -> None:
    votes = np.array([[0.2, 0.8, 0.0], [0.5, 0.25, 0.25]])
    assert divergence(np.log(np.maximum(votes, 1e-30)), votes) == pytest.approx(0, abs=1e-9)


def test_reliability_sorts_faces_by_confidence() -> None:
    chosen = np.array([[0.9, 0.1], [0.9, 0.1], [0.4, 0.6], [0.5, 0.5]])
    bins = reliability(np.log(chosen), np.array([0, 1, 1, -1]))
    assert np.flatnonzero(bins.count).tolist() == [int(0.6 * BINS), int(0.9 * BINS)]
    high = int(0.9 * BINS)
    assert (bins.count[high], bins.accuracy[high]) == (2, 0.5)
    assert bins.confidence[high] == pytest.approx(0.9)
    assert np.isnan(bins.accuracy[0])


@given(st.integers(0, 1000), st.floats(0.2, 5))
def test_calibration_error_is_torchmetrics_own(seed: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    logits = (scale * rng.normal(0, 1, (60, 5))).astype(np.float32)
    majority = rng.integers(0, 5, 60)
    theirs = multiclass_calibration_error(
        torch.from_numpy(logits).softmax(1), torch.from_numpy(majority), 5, n_bins=BINS
    )
    assert calibration_error(logits, majority) == pytest.approx(float(theirs), abs=1e-4)


def test_certain_logits_do_not_overflow() -> None:
    logits = np.array([[1e4, 0.0], [0.0, 1e4]], np.float32)
    assert calibration_error(logits, np.array([0, 0])) == pytest.approx(0.5)
    assert np.isfinite(negative_log_likelihood(logits, np.eye(2)))

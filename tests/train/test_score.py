"""Figures of merit against values worked out by hand."""

from __future__ import annotations

import pytest
import torch

from train.score import confusion_table, score_logits


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

"""Copies of training faces are counted, and accuracy is told without them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from train.datasets.catalogue import load_faces
from train.evaluate.leaks import check_copies
from train.evaluate.options import EvaluateOptions


def test_accuracy_without_copies_by_hand(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    faces = load_faces(data, "ferplus", "valid")
    # Right on every face but the fifth, which has no majority, and the last.
    logits = np.eye(8, dtype=np.float32)[[0, 1, 2, 0, 0, 1, 0]]
    notes: list[str] = []
    leak = check_copies(EvaluateOptions(str(data)), faces, logits, notes)
    assert leak is not None
    assert [(c.face, c.train, c.exact) for c in leak.copies] == [(i, i, True) for i in range(4)]
    assert leak.figures == {
        "train": "ferplus/train",
        "n_train": 4,
        "exact": 4,
        "near": 0,
        "mirrored": 0,
        "accuracy_without": 0.5,
        "n_without": 2,
    }
    assert notes[0].endswith("4 exact and 0 near copies, 0 mirrored; without them: accuracy "
                             "50.00% (n = 2)")  # fmt: skip
    assert f"warning: {notes[0]}" in capsys.readouterr().out


def test_no_training_split_is_a_note(data: Path, tmp_path: Path) -> None:
    faces, notes = load_faces(data, "ferplus", "valid"), ["before"]
    logits = np.zeros((7, 8), np.float32)
    assert check_copies(EvaluateOptions(str(tmp_path)), faces, logits, notes) is None
    assert len(notes) == 2
    assert notes[1].startswith("copies of training faces: not checked (--data_dir ")

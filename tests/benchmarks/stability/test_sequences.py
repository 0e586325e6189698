"""Figures over sequences, by hand."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.stability.sequences import SequenceLabels, summarise
from train.datasets.catalogue import load_faces
from train.datasets.faces import FaceSet


@pytest.fixture
def faces(tmp_path: Path) -> FaceSet:
    (tmp_path / "valid" / "fear").mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "valid" / "fear" / "a.png"), np.zeros((8, 8), np.uint8))
    return load_faces(tmp_path, "folder", "valid").with_majority()


def _labels(raw: list[int], smooth: list[int]) -> SequenceLabels:
    truth = np.array([0] * 5 + [1] * 5)
    return SequenceLabels(truth, np.array(raw), np.array(smooth), np.arange(10) / 10, 5)


def test_flips_accuracy_and_delay(faces: FaceSet) -> None:
    run = _labels([0, 1, 0, 0, 0, 1, 1, 1, 1, 1], [0, 0, 0, 0, 0, 0, 0, 1, 1, 1])
    found = summarise([run], 10.0, faces)
    assert (found.n, found.minutes) == (1, round(1 / 60, 2))
    assert found.raw.flips_per_minute == 120
    assert found.smooth.flips_per_minute == 0
    assert found.times_fewer_flips is None
    assert (found.raw.accuracy, found.smooth.accuracy) == (0.9, 0.8)
    assert found.added_delay_ms.n == 1
    assert found.added_delay_ms.median == 200
    assert found.samples.added_delay_ms == [200.0]


def test_a_label_that_never_comes_has_no_delay(faces: FaceSet) -> None:
    run = _labels([0] * 5 + [1] * 5, [0] * 10)
    found = summarise([run], 10.0, faces)
    assert (found.added_delay_ms.n, found.added_delay_ms.never) == (0, 1)
    assert found.added_delay_ms.median is None
    assert found.samples.added_delay_ms == [None]

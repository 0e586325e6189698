"""The reference bridges what its detector missed."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.anonymity.reference_faces import find_reference


def test_the_reference_bridges_what_it_missed(portrait: np.ndarray) -> None:
    small = np.ascontiguousarray(portrait[:240, 80:400])
    images = [small, small, small, np.full_like(small, 90), small, small]
    truth = find_reference(images, 10.0)
    assert [len(masks) for masks in truth] == [1] * 6
    ys, xs = np.nonzero(truth[3][0])
    assert xs.mean() == pytest.approx(226 - 80, abs=6)
    assert ys.mean() == pytest.approx(118, abs=6)

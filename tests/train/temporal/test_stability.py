"""Flips and delays by hand."""

from __future__ import annotations

import numpy as np
import pytest

from train.temporal.stability import count_flips, delay_s


def _digits(text: str) -> np.ndarray:
    return np.array([int(c) for c in text])


def test_flips_and_delay_by_hand() -> None:
    raw, smooth, times = _digits("0020011011"), _digits("0000000111"), np.arange(10) / 10
    assert count_flips(raw, 5) == 4
    assert count_flips(smooth, 5) == 0, "following the face is no flip"
    assert delay_s(raw, raw, times, 5) == 0
    assert delay_s(smooth, raw, times, 5) == pytest.approx(0.2)
    uneven = times + np.where(times > 0.6, 0.5, 0)
    assert delay_s(smooth, raw, uneven, 5) == pytest.approx(0.7)


def test_a_label_that_never_comes_has_no_delay() -> None:
    raw, smooth, times = _digits("0000011111"), _digits("0000000000"), np.arange(10) / 10
    assert delay_s(smooth, raw, times, 5) is None
    assert count_flips(smooth, 5) == 0
    assert delay_s(smooth, smooth, times, 5) is None, "the same label is no change"
    assert delay_s(raw, raw, times, 10) is None, "one face"
    assert count_flips(_digits("0100"), 4) == 2

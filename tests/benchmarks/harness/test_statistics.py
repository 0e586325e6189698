"""Intervals hold the true change as often as they say, and agree with others' code."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.harness.statistics import (
    difference,
    paired_difference,
    ratio,
    share_difference,
    wilson,
)

samples = st.lists(st.floats(0.1, 10), min_size=3, max_size=30)


@settings(deadline=None)
@given(samples, st.floats(0.2, 5))
def test_the_interval_holds_the_ratio(sample: list[float], scale: float) -> None:
    found = ratio(sample, [scale * v for v in sample])
    assert found.value == pytest.approx(scale)
    assert found.low <= found.value * (1 + 1e-9)
    assert found.high >= found.value * (1 - 1e-9)


@settings(deadline=None)
@given(samples, st.floats(-5, 5))
def test_pairs_know_a_shift_exactly_and_others_do_not(sample: list[float], shift: float) -> None:
    moved = [v + shift for v in sample]
    exact = paired_difference(sample, moved)
    assert (exact.low, exact.value, exact.high) == pytest.approx((shift,) * 3, abs=1e-9)
    loose = difference(sample, moved)
    assert loose.low - 1e-9 <= shift <= loose.high + 1e-9
    assert loose.high - loose.low >= exact.high - exact.low - 1e-9


@settings(deadline=None)
@given(st.integers(1, 5000), st.floats(0, 1))
def test_wilson_as_scipy_has_it(n: int, share: float) -> None:
    stats = pytest.importorskip("scipy.stats", reason="the train extra has SciPy")
    hits = round(share * n)
    want = stats.binomtest(hits, n).proportion_ci(0.95, method="wilson")
    assert wilson(hits / n, n) == pytest.approx((want.low, want.high), abs=1e-9)


def test_newcombes_own_example() -> None:
    """56 of 70 against 48 of 80 (Newcombe 1998, table II, case a): 0.0524 to 0.3339."""
    found = share_difference([True] * 48 + [False] * 32, [True] * 56 + [False] * 14)
    assert (found.value, found.low, found.high) == pytest.approx((0.2, 0.0524, 0.3339), abs=1e-4)


@pytest.mark.parametrize("n", [40, 4000])
def test_coverage_of_the_bootstrap(n: int) -> None:
    """About 95 of 100 intervals of a difference of means hold nought, in parts or at once."""
    held = 0
    for seed in range(100):
        old, new = np.random.default_rng(seed).normal(0, 1, (2, n))
        found = difference(old.tolist(), new.tolist())
        held += found.low <= 0 <= found.high
    assert held >= 87

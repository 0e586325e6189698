"""Means and paired differences are what statistics say, and all forms of the table agree."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from train.ablation.table import summarise


def test_differences_are_paired_seed_by_seed() -> None:
    accuracy = {"full": [0.80, 0.84, 0.82], "baseline": [0.78, 0.83, 0.79], "attention": [0.7]}
    rows = summarise(
        {
            name: [{"accuracy": a, "macro_f1": 0.5, "n": 10} for a in values]
            for name, values in accuracy.items()
        }
    )
    full, baseline, attention = rows
    assert full.difference is None
    assert baseline.difference == pytest.approx(-0.02)
    assert baseline.p == pytest.approx(
        stats.ttest_rel(accuracy["baseline"], accuracy["full"]).pvalue
    )
    gap = np.subtract(accuracy["baseline"], accuracy["full"])
    half = 4.302653 * gap.std(ddof=1) / 3**0.5
    assert baseline.interval == pytest.approx((-0.02 - half, -0.02 + half), abs=1e-6)
    # One seed says nothing about chance.
    assert attention.difference == pytest.approx(-0.1)
    assert attention.interval is None
    assert attention.p is None

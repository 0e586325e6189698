"""Intervals of a change: how much larger or smaller new values are than old ones.

Bootstrap intervals by the percentile method (Efron and Tibshirani 1993), for
shares of different things the one of Newcombe 1998, method 10. All are 95%, and
need NumPy alone: who measures the runtime has no SciPy.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

#: Fewer values are no sample.
LEAST_VALUES = 3

_RESAMPLES = 2000

#: Values drawn at once: bounds the memory, not the result.
_CHUNK = 1_000_000

_Z = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True)
class Interval:
    """A change and its 95% interval.

    Attributes:
        value: The change.
        low: Lower end.
        high: Upper end.
    """

    value: float
    low: float
    high: float


def ratio(old: Sequence[float], new: Sequence[float]) -> Interval:
    """Median of the new values over that of the old ones, all positive."""
    rng = np.random.default_rng(0)
    a, b = np.asarray(old, float), np.asarray(new, float)
    medians = [np.median(x[rng.integers(len(x), size=(_RESAMPLES, len(x)))], 1) for x in (a, b)]
    return _interval(float(np.median(b) / np.median(a)), medians[1] / medians[0])


def difference(old: Sequence[float], new: Sequence[float]) -> Interval:
    """Mean of the new values less that of the old ones."""
    a, b = np.asarray(old, float), np.asarray(new, float)
    rng = np.random.default_rng(0)
    return _interval(float(b.mean() - a.mean()), _means(b, rng) - _means(a, rng))


def paired_difference(old: Sequence[float], new: Sequence[float]) -> Interval:
    """Mean of the differences of values that belong together, one by one."""
    change = np.asarray(new, float) - np.asarray(old, float)
    return _interval(float(change.mean()), _means(change, np.random.default_rng(0)))


def share_difference(old: Sequence[bool], new: Sequence[bool]) -> Interval:
    """Share of the new that is true less that of the old, of different things."""
    a, b = float(np.mean(old)), float(np.mean(new))
    (a_low, a_high), (b_low, b_high) = wilson(a, len(old)), wilson(b, len(new))
    low = b - a - math.hypot(b - b_low, a_high - a)
    high = b - a + math.hypot(b_high - b, a - a_low)
    return Interval(b - a, low, high)


def wilson(share: float, n: int) -> tuple[float, float]:
    """Wilson's interval (1927) of a share of `n` things."""
    middle = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    reach = _Z / (1 + _Z**2 / n) * math.sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2))
    return max(0.0, middle - reach), min(1.0, middle + reach)


def rounded(interval: Sequence[float]) -> tuple[float, float]:
    """The ends of an interval as reports hold them."""
    low, high = interval
    return round(low, 4), round(high, 4)


def _means(values: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """(R,) means of resamples."""
    step = max(1, _CHUNK // len(values))
    means = [
        values[rng.integers(len(values), size=(min(step, _RESAMPLES - i), len(values)))].mean(1)
        for i in range(0, _RESAMPLES, step)
    ]
    return np.concatenate(means)


def _interval(value: float, resampled: NDArray[np.float64]) -> Interval:
    low, high = np.percentile(resampled, (2.5, 97.5))
    return Interval(value, float(low), float(high))

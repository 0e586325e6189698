"""How steady labels are, and how delayed: counts of one sequence."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.int64]


def count_flips(labels: Labels, change: int) -> int:
    """Changes of label, but for the first one after the face's own change.

    Args:
        labels: (T,) frame by frame.
        change: First frame of the second face; T where there is none.
    """
    first, second = labels[:change], labels[change:]
    count = np.count_nonzero(np.diff(first)) + np.count_nonzero(np.diff(second))
    if not len(second):
        return int(count)
    # The second face begins with the first one's label: leaving it is no flip.
    return int(count) - int(second[0] == first[-1] and bool((second != second[0]).any()))


def delay_s(labels: Labels, raw: Labels, times: NDArray[np.float64], change: int) -> float | None:
    """Measures the time from the change to the second face's usual label; None if never.

    Args:
        labels: (T,) frame by frame.
        raw: (T,) labels of single frames; what most of them say is the usual label.
        times: (T,) seconds.
        change: First frame of the second face; T where there is none.
    """
    if change >= len(raw):
        return None
    usual = np.bincount(raw[change:]).argmax()
    if usual == np.bincount(raw[:change]).argmax():
        return None
    there = np.flatnonzero(labels[change:] == usual)
    return float(times[change + there[0]] - times[change]) if len(there) else None

"""Is a new measurement worse than an old one, beyond noise?

Both hold, for each row, the times of every round as ratios to REF, one
CenterFace pass on one thread taken in the same round: what slows the whole
machine slows both, so that runs of different days can be compared. The change
is the ratio of the medians, with a 95% bootstrap interval (Efron and
Tibshirani 1993, percentile method).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from runtime.errors import UserError

#: Changes of less than this part aren't worth a word.
TOLERANCE = 0.05

_RESAMPLES = 2000


@dataclass(frozen=True)
class Change:
    """How a row's time changed.

    Attributes:
        row: Its name.
        ratio: New median over old; above 1 is slower.
        low: Lower end of the 95% interval.
        high: Upper end.
    """

    row: str
    ratio: float
    low: float
    high: float

    @property
    def verdict(self) -> str:
        """`slower`, `faster`, or `same` where noise or the tolerance covers it."""
        if self.low > 1 + TOLERANCE:
            return "slower"
        return "faster" if self.high < 1 - TOLERANCE else "same"

    def __str__(self) -> str:
        return (
            f"{self.verdict:<7} {self.row}: {self.ratio:.3f} times the old time "
            f"({self.low:.3f} to {self.high:.3f})"
        )


def change(row: str, old: Sequence[float], new: Sequence[float]) -> Change:
    """Compares two samples of times as ratios to REF, each at least three."""
    rng = np.random.default_rng(0)
    a, b = np.asarray(old, float), np.asarray(new, float)
    medians = [
        np.median(x[rng.integers(len(x), size=(_RESAMPLES, len(x)))], axis=1) for x in (a, b)
    ]
    low, high = np.percentile(medians[1] / medians[0], (2.5, 97.5))
    return Change(row, float(np.median(b) / np.median(a)), float(low), float(high))


def compare(old: Mapping[str, Any], new: Mapping[str, Any], name: str) -> list[Change]:
    """Changes of the rows that both reports have.

    Args:
        old: Report with `engines`, rows with `engine`, `batch` and `ref_ratios`.
        new: Another.
        name: What the old one is called, for messages.

    Raises:
        UserError: The old one is no such report, shares no row, or ran otherwise.
    """
    for flag in ("threads", "provider"):
        if flag in old and flag in new and old[flag] != new[flag]:
            how = f"--{flag} {old[flag]}, not {new[flag]}"
            raise UserError(f"--compare {name}: measured with {how}")
    try:
        before = {(r["engine"], r["batch"]): r["ref_ratios"] for r in old["engines"]}
        changes = [
            change(f"{r['engine']} at batch {r['batch']}", before[key], r["ref_ratios"])
            for r in new["engines"]
            if (key := (r["engine"], r["batch"])) in before
        ]
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise UserError(f"--compare {name}: not a report of this benchmark") from error
    if not changes:
        raise UserError(f"--compare {name}: has no engine and batch size in common with this run")
    return changes


def read_report(path: Path) -> dict[str, Any]:
    """A report that `--output_json` wrote.

    Raises:
        UserError: It is missing or no JSON object.
    """
    try:
        report = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise UserError(f"--compare {path}: can't be read as a report ({error})") from error
    if not isinstance(report, dict):
        raise UserError(f"--compare {path}: not a report of this benchmark")
    return report

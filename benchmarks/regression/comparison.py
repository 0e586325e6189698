"""Is a new measurement worse than an old one, beyond noise?

Both reports hold samples: a value for each round, sequence or face. Times are
ratios to a reference taken in the same round (`benchmarks.harness.reference`): what
slows the whole machine slows both, so that runs of different days can be
compared. What belongs to the same faces in both is compared in pairs. A change
counts where its 95% interval lies wholly beyond a tolerance.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from benchmarks.harness.statistics import (
    Interval,
    difference,
    paired_difference,
    ratio,
    share_difference,
)
from benchmarks.regression.compared import KINDS, LEAST, Metric
from runtime.errors import UserError

Figures = Mapping[str, Any]

#: What a report of another shape raises where it is read.
BROKEN = (KeyError, TypeError, ValueError, IndexError, AttributeError)


@dataclass(frozen=True)
class Change:
    """How a figure changed.

    Attributes:
        metric: The new one.
        by: The change: times the old value, or the difference to it.
        paired: The same faces or sequences gave both.
        other_file: The old model was another file of the same name.
    """

    metric: Metric
    by: Interval
    paired: bool = False
    other_file: bool = False

    @property
    def verdict(self) -> str:
        """`worse`, `better`, or `same` where noise or the tolerance covers it."""
        zero = 1.0 if self.metric.scale == "ratio" else 0.0
        low, high = self.by.low - zero, self.by.high - zero
        if not self.metric.lower:
            low, high = -high, -low
        if low > self.metric.tolerance:
            return "worse"
        return "better" if high < -self.metric.tolerance else "same"

    def __str__(self) -> str:
        by, metric = self.by, self.metric
        if metric.scale == "ratio":
            shown = f"{by.value:.3f} times the old ({by.low:.3f} to {by.high:.3f})"
        else:
            shown = f"{by.value:+.4g} ({by.low:+.4g} to {by.high:+.4g})"
        notes = ["in pairs"] * self.paired + ["another file than then"] * self.other_file
        what = [*([metric.artifact["engine"]] if metric.artifact else []), metric.row, metric.name]
        return f"{self.verdict:<7} {', '.join(what)}: {', '.join([shown, *notes])}"


def check(
    old: Figures, kind: str, settings: Figures, artifacts: Sequence[Figures], name: str
) -> None:
    """Refuses a report that a run with these settings can't be compared with.

    Args:
        old: The report.
        kind: The benchmark to be run.
        settings: Its options that matter.
        artifacts: Its models.
        name: What the report is called, for messages.

    Raises:
        UserError: It is of other settings or models, or holds no samples.
    """
    said = old.get("settings")
    then = {**old, **(said if isinstance(said, dict) else {})}
    for key, now in settings.items():
        if isinstance(now, list):
            had = then.get(key, now)  # an old engine's report doesn't say its batches
            had = had if isinstance(had, list) else [had]
            if not any(item in had for item in now):
                raise UserError(
                    f"--compare {name}: measured with --{key} {_words(had)}, none of {_words(now)}"
                )
        elif key not in then:
            raise UserError(
                f"--compare {name}: doesn't say its --{key}, so an older version wrote it: "
                "measure again, then compare with that"
            )
        elif then[key] != now:
            raise UserError(
                f"--compare {name}: measured {_flag(key, then[key])}, now {_flag(key, now)}"
            )
    samples = [metric for metric in _metrics(old, kind, name) if len(metric.values) >= LEAST]
    if not samples:
        raise UserError(
            f"--compare {name}: holds no sample of {LEAST} or more values to compare with"
        )
    known = [metric.artifact for metric in samples]
    if artifacts and all(known) and not any(_same(a, b) for a in artifacts for b in known):
        shown = dict.fromkeys(artifact["engine"] for artifact in known)
        raise UserError(f"--compare {name}: measured {_words(shown)}, none of this run's models")


def compare(old: Figures, new: Figures, kind: str, name: str) -> list[Change]:
    """Changes of the figures that both reports have.

    Args:
        old: A report that `check` let pass.
        new: Another.
        kind: Whose they are, a key of `KINDS`.
        name: What the old one is called, for messages.

    Raises:
        UserError: They share no figure with enough values.
    """
    pairs = list(_pairs(_metrics(old, kind, name), _metrics(new, kind, name)))
    changes = [found for a, b in pairs if (found := change(a, b)) is not None]
    if not changes:
        raise UserError(
            f"--compare {name}: has no figure in common with this run that holds {LEAST} or "
            "more values in both"
        )
    return changes


def change(old: Metric, new: Metric) -> Change | None:
    """How a figure changed; None where a sample is too small."""
    paired = old.items is not None and old.items == new.items
    paired = paired and len(old.values) == len(new.values)
    a, b = list(old.values), list(new.values)
    if paired:
        both = [(x, y) for x, y in zip(a, b, strict=True) if not math.isnan(x + y)]
        a, b = [x for x, _ in both], [y for _, y in both]
    a, b = ([v for v in values if not math.isnan(v)] for values in (a, b))
    if min(len(a), len(b)) < LEAST:
        return None
    if new.scale == "ratio":
        by = ratio(a, b)
    elif paired:
        by = paired_difference(a, b)
    elif new.scale == "share":
        by = share_difference([v > 0 for v in a], [v > 0 for v in b])
    else:
        by = difference(a, b)
    files = old.artifact.get("sha256"), new.artifact.get("sha256")
    return Change(new, by, paired, None not in files and files[0] != files[1])


def _metrics(figures: Figures, kind: str, name: str) -> list[Metric]:
    try:
        found = KINDS[kind].metrics(figures)
        return [replace(metric, values=[float(v) for v in metric.values]) for metric in found]
    except BROKEN as error:
        raise UserError(
            f"--compare {name}: not as this version of benchmarks.{kind} writes it "
            f"({type(error).__name__}: {' '.join(str(error).split())})"
        ) from error


def _pairs(old: list[Metric], new: list[Metric]) -> Iterator[tuple[Metric, Metric]]:
    """What belongs together: of the same file, else of the same name if that is clear."""
    for key, clear in (("sha256", False), ("engine", True)):
        groups: dict[tuple[Any, ...], tuple[list[Metric], list[Metric]]] = {}
        for side, metrics in enumerate((old, new)):
            for metric in metrics:
                at = (metric.row, metric.name, metric.artifact.get(key))
                groups.setdefault(at, ([], []))[side].append(metric)
        for (*_, model), (before, after) in groups.items():
            # Without a model there is one of each. Two files may share a name, and be told
            # apart by nothing once both have changed.
            unknown = model is None and (before + after)[0].artifact
            if unknown or (clear and max(len(before), len(after)) > 1):
                continue
            for a, b in zip(before, after, strict=False):
                yield a, b
                old.remove(a)
                new.remove(b)


def _same(a: Figures, b: Figures) -> bool:
    """One model by its file or its name."""
    return a["engine"] == b["engine"] or (a["sha256"] is not None and a["sha256"] == b["sha256"])


def _flag(key: str, value: Any) -> str:
    return f"without --{key}" if value is None else f"with --{key} {value}"


def _words(items: Iterable[Any]) -> str:
    return ", ".join(map(str, items))

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

from benchmarks.harness.schema.common import ArtifactRecord, ComparableReport
from benchmarks.harness.statistics import (
    LEAST_VALUES,
    Interval,
    difference,
    paired_difference,
    ratio,
    share_difference,
)
from benchmarks.regression.compared_figures import KINDS, ComparedFigure
from runtime.errors import UserError


@dataclass(frozen=True)
class Change:
    """How a figure changed.

    Attributes:
        figure: The new one.
        by: The change: times the old value, or the difference to it.
        paired: The same faces or sequences gave both.
        other_file: The old model was another file of the same name.
    """

    figure: ComparedFigure
    by: Interval
    paired: bool = False
    other_file: bool = False

    @property
    def verdict(self) -> str:
        """`worse`, `better`, or `same` where noise or the tolerance covers it."""
        zero = 1.0 if self.figure.scale == "ratio" else 0.0
        low, high = self.by.low - zero, self.by.high - zero
        if not self.figure.lower:
            low, high = -high, -low
        if low > self.figure.tolerance:
            return "worse"
        return "better" if high < -self.figure.tolerance else "same"

    def __str__(self) -> str:
        by, figure = self.by, self.figure
        if figure.scale == "ratio":
            shown = f"{by.value:.3f} times the old ({by.low:.3f} to {by.high:.3f})"
        else:
            shown = f"{by.value:+.4g} ({by.low:+.4g} to {by.high:+.4g})"
        notes = ["in pairs"] * self.paired + ["another file than then"] * self.other_file
        model = [figure.artifact.engine] if figure.artifact else []
        what = [*model, figure.row, figure.name]
        return f"{self.verdict:<7} {', '.join(what)}: {', '.join([shown, *notes])}"


def check(
    old: ComparableReport,
    settings: Mapping[str, object],
    artifacts: Sequence[ArtifactRecord],
    name: str,
) -> None:
    """Refuses a report that a run with these settings can't be compared with.

    Args:
        old: The report.
        settings: The run's options that matter.
        artifacts: Its models.
        name: What the report is called, for messages.

    Raises:
        UserError: It is of other settings or models, or holds too few values.
    """
    then = old.settings
    for key, now in settings.items():
        if key not in then:
            raise UserError(
                f"--compare {name}: doesn't say its --{key}, so an older version wrote it: "
                "measure again, then compare with that"
            )
        had = then[key]
        if isinstance(now, list):
            had = had if isinstance(had, list) else [had]
            if not any(item in had for item in now):
                raise UserError(
                    f"--compare {name}: measured with --{key} {_words(had)}, none of {_words(now)}"
                )
        elif had != now:
            raise UserError(f"--compare {name}: measured {_flag(key, had)}, now {_flag(key, now)}")
    samples = [found for found in _figures(old, name) if len(found.values) >= LEAST_VALUES]
    if not samples:
        raise UserError(
            f"--compare {name}: holds no sample of {LEAST_VALUES} or more values to compare with"
        )
    known = [found.artifact for found in samples if found.artifact is not None]
    told = bool(artifacts) and len(known) == len(samples)
    if told and not any(_same(a, b) for a in artifacts for b in known):
        shown = dict.fromkeys(model.engine for model in known)
        raise UserError(f"--compare {name}: measured {_words(shown)}, none of this run's models")


def compare(old: ComparableReport, new: ComparableReport, name: str) -> list[Change]:
    """Changes of the figures that both reports have.

    Args:
        old: A report that `check` let pass.
        new: Another of the same benchmark.
        name: What the old one is called, for messages.

    Raises:
        UserError: They share no figure with enough values.
    """
    pairs = list(_pairs(_figures(old, name), _figures(new, name)))
    changes = [found for a, b in pairs if (found := change(a, b)) is not None]
    if not changes:
        raise UserError(
            f"--compare {name}: has no figure in common with this run that holds {LEAST_VALUES} or "
            "more values in both"
        )
    return changes


def change(old: ComparedFigure, new: ComparedFigure) -> Change | None:
    """How a figure changed; None where a sample is too small."""
    paired = old.items is not None and old.items == new.items
    paired = paired and len(old.values) == len(new.values)
    a, b = list(old.values), list(new.values)
    if paired:
        both = [(x, y) for x, y in zip(a, b, strict=True) if not math.isnan(x + y)]
        a, b = [x for x, _ in both], [y for _, y in both]
    a, b = ([v for v in values if not math.isnan(v)] for values in (a, b))
    if min(len(a), len(b)) < LEAST_VALUES:
        return None
    if new.scale == "ratio":
        by = ratio(a, b)
    elif paired:
        by = paired_difference(a, b)
    elif new.scale == "share":
        by = share_difference([v > 0 for v in a], [v > 0 for v in b])
    else:
        by = difference(a, b)
    files = [figure.artifact and figure.artifact.sha256 for figure in (old, new)]
    return Change(new, by, paired, None not in files and files[0] != files[1])


def _figures(report: ComparableReport, name: str) -> list[ComparedFigure]:
    found = KINDS[report.benchmark].figures(report)
    try:
        return [replace(one, values=[float(v) for v in one.values]) for one in found]
    except ValueError as error:  # right and wrong are `1` and `0`
        raise UserError(f"--compare {name}: holds a sample that is none ({error})") from error


def _pairs(
    old: list[ComparedFigure], new: list[ComparedFigure]
) -> Iterator[tuple[ComparedFigure, ComparedFigure]]:
    """What belongs together: of the same file, else of the same name if that is clear."""
    for by_file in (True, False):
        groups: dict[tuple[str, str, str | None], tuple[list[ComparedFigure], ...]] = {}
        for side, figures in enumerate((old, new)):
            for figure in figures:
                key = (figure.row, figure.name, _key(figure, by_file))
                groups.setdefault(key, ([], []))[side].append(figure)
        for (*_, model), (before, after) in groups.items():
            # Without a model there is one of each. Two files may share a name, and be told
            # apart by nothing once both have changed.
            unknown = model is None and (before + after)[0].artifact is not None
            if unknown or (not by_file and max(len(before), len(after)) > 1):
                continue
            for a, b in zip(before, after, strict=False):
                yield a, b
                old.remove(a)
                new.remove(b)


def _key(figure: ComparedFigure, by_file: bool) -> str | None:
    if figure.artifact is None:
        return None
    return figure.artifact.sha256 if by_file else figure.artifact.engine


def _same(a: ArtifactRecord, b: ArtifactRecord) -> bool:
    """One model by its file or its name."""
    return a.engine == b.engine or (a.sha256 is not None and a.sha256 == b.sha256)


def _flag(key: str, value: object) -> str:
    return f"without --{key}" if value is None else f"with --{key} {value}"


def _words(items: Iterable[object]) -> str:
    return ", ".join(map(str, items))

"""Plots as figures of their own: no pyplot, so no window and no state between them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from train.data.corruptions import STRENGTHS
from train.evaluate.figures import Calibration, ClassFigures
from train.evaluate.robustness import Robustness
from train.scores import BINS

_DPI = 130

#: Eight colours that the colour-blind tell apart (Okabe & Ito 2008).
_COLORS = (
    *("#0072B2", "#E69F00", "#009E73", "#D55E00"),
    *("#CC79A7", "#56B4E9", "#7A6A00", "#333333"),
)


def save(figure: Figure, path: Path, dpi: int = _DPI) -> None:
    """Writes a PNG of so many dots an inch."""
    FigureCanvasAgg(figure)
    figure.savefig(path, format="png", dpi=dpi)


def confusion(counts: NDArray[np.int64], labels: Sequence[str], normalised: bool) -> Figure:
    """Draws counts with the truth down and the guess across.

    Args:
        counts: (C, C).
        labels: C names.
        normalised: Rows as fractions of their faces; rows without faces stay empty.
    """
    figure = _figure(6.4, 5.8)
    axes = figure.add_subplot()
    total = counts.sum(1, keepdims=True)
    shares = np.divide(counts, total, out=np.full(counts.shape, np.nan), where=total > 0)
    # Colour always follows the share: with counts, one large class would hide the rest.
    axes.imshow(np.nan_to_num(shares), cmap="Blues", vmin=0, vmax=1)
    for (row, column), share in np.ndenumerate(shares):
        if np.isnan(share):
            continue
        text = f"{share:.2f}" if normalised else str(counts[row, column])
        shade = "white" if share > 0.55 else ("#222222" if counts[row, column] else "#bbbbbb")
        axes.text(column, row, text, ha="center", va="center", fontsize=9, color=shade)
    axes.set_xticks(range(len(labels)), labels, rotation=40, ha="right")
    axes.set_yticks(range(len(labels)), labels)
    axes.set_xlabel("guess")
    axes.set_ylabel("truth")
    what = "share of each truth" if normalised else "faces"
    axes.set_title(f"Confusion, {what} (n = {counts.sum()})")
    return figure


def roc(classes: Sequence[ClassFigures]) -> Figure:
    """Draws one curve a class, against all others; the legend names the area."""
    figure = _figure(6.4, 5.4)
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color="#999999", linestyle=":", linewidth=1)
    for index, row in enumerate(classes):
        if row.curve is None:
            continue
        label = f"{row.label}: {row.auc:.3f} (n = {row.support})"
        axes.plot(*row.curve, color=_COLORS[index % len(_COLORS)], label=label, linewidth=1.6)
    axes.set(xlim=(-0.01, 1), ylim=(0, 1.01), xlabel="false positive rate")
    axes.set_ylabel("true positive rate")
    axes.set_title("ROC, each class against the rest (area)")
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="lower right", fontsize=9)
    return figure


def reliability(before: Calibration, after: Calibration) -> Figure:
    """Draws confidence against accuracy, before and after temperature scaling.

    One panel where the temperature changes nothing.
    """
    panels = [("before", before), ("after", after)]
    if before.temperature == after.temperature:
        panels = [("as it is", after)]
    figure = _figure(4.8 * len(panels), 4.9)
    for index, (name, calibration) in enumerate(panels):
        _reliability(figure.add_subplot(1, len(panels), index + 1), calibration, name)
    return figure


def _reliability(axes: Axes, calibration: Calibration, name: str) -> None:
    bins = calibration.bins
    left, width = np.arange(BINS) / BINS, 1 / BINS
    # An empty bin is NaN throughout, and not drawn.
    accuracy = bins.accuracy
    axes.bar(left, accuracy, width, align="edge", color="#56B4E9", edgecolor="white")
    gap = bins.confidence - bins.accuracy
    axes.bar(
        *(left, gap, width, accuracy),
        align="edge",
        color="none",
        edgecolor="#D55E00",
        hatch="///",
        label="gap to confidence",
    )
    axes.plot([0, 1], [0, 1], color="#333333", linestyle=":", linewidth=1)
    tops = np.maximum(accuracy, accuracy + gap)
    for x, count, top in zip(left + width / 2, bins.count, tops, strict=True):
        if count:
            axes.text(
                *(x, top + 0.01, str(count)),
                ha="center",
                va="bottom",
                fontsize=7,
                color="#555555",
                rotation=90,
            )
    axes.set(xlim=(0, 1), ylim=(0, 1.12), xlabel="confidence", ylabel="accuracy")
    axes.set_title(
        f"{name}: T = {calibration.temperature:.3f}, ECE = {calibration.bins.error:.3f} "
        f"(n = {bins.count.sum()})",
        fontsize=11,
    )
    axes.legend(loc="upper left", fontsize=9)


def corruptions(robustness: Robustness) -> Figure:
    """Draws accuracy against strength, one line a corruption."""
    figure = _figure(7.4, 4.8)
    axes = figure.add_subplot()
    axes.axhline(robustness.clean, color="#999999", linestyle=":", linewidth=1.2)
    strengths = (0, *STRENGTHS)
    for index, (name, row) in enumerate(robustness.accuracy.items()):
        color = _COLORS[index % len(_COLORS)]
        label = f"{name.replace('_', ' ')}: {np.mean(row):.1%}"
        axes.plot(strengths, (robustness.clean, *row), "o-", color=color, label=label, markersize=4)
    axes.set(xlabel="strength (0 is clean)", ylabel="accuracy", ylim=(0, 1))
    axes.set_title(f"Accuracy under corruptions (n = {robustness.n})")
    axes.legend(title="mean of the five", loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize=9)
    return figure


def _figure(width: float, height: float) -> Figure:
    return Figure(figsize=(width, height), layout="constrained")

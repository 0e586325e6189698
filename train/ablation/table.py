"""Means, spreads and paired differences of an ablation, as table and plot."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from runtime.support.files.writing import write_whole, writing
from train.ablation.cost import Cost
from train.fit.options import FitOptions

#: Every other variant is compared with this one.
REFERENCE = "full"


@dataclass(frozen=True)
class Row:
    """One variant over its seeds.

    Attributes:
        variant: Its name.
        n: Faces that accuracy is measured on.
        accuracy: One accuracy for each seed, in the seeds' order.
        macro_f1: One macro-F1 for each seed.
        difference: Mean of accuracy minus the reference's, seed by seed; none
            for the reference itself or where it has no run.
        interval: The difference's 95% interval (paired t); none below two seeds.
        p: Two-sided paired t-test of the difference; none below two seeds.
    """

    variant: str
    n: int
    accuracy: tuple[float, ...]
    macro_f1: tuple[float, ...]
    difference: float | None = None
    interval: tuple[float, float] | None = None
    p: float | None = None


def summarise(results: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[Row]:
    """Makes rows from runs' results.

    Args:
        results: For each variant the results of its runs, seed by seed.
    """
    accuracy = {v: np.array([r["accuracy"] for r in runs]) for v, runs in results.items()}
    rows = []
    for variant, runs in results.items():
        difference = interval = p = None
        if variant != REFERENCE and REFERENCE in accuracy:
            # An interrupted ablation may lack a seed of one of them.
            pairs = min(len(runs), len(accuracy[REFERENCE]))
            gap = accuracy[variant][:pairs] - accuracy[REFERENCE][:pairs]
            difference = float(gap.mean())
            if pairs > 1 and np.ptp(gap) > 0:
                test = stats.ttest_1samp(gap, 0.0)
                low, high = test.confidence_interval(0.95)
                interval, p = (float(low), float(high)), float(test.pvalue)
        scores = tuple(float(r["macro_f1"]) for r in runs)
        reached = tuple(map(float, accuracy[variant]))
        rows.append(Row(variant, int(runs[0]["n"]), reached, scores, difference, interval, p))
    return rows


def write_table(
    folder: Path, rows: Sequence[Row], cost: Mapping[str, Cost], recipe: FitOptions
) -> None:
    """Writes ablation.md, ablation.csv, ablation.json and ablation.png.

    Args:
        folder: Where.
        rows: One a variant.
        cost: Costs by variant; left empty while runs are missing.
        recipe: Options of one run, for the record.
    """
    lines = [_cells(row, cost.get(row.variant)) for row in rows]
    with (
        writing(folder / "ablation.csv", "--output_dir") as partial,
        partial.open("w", newline="", encoding="utf-8") as stream,
    ):
        writer = csv.DictWriter(stream, list(lines[0]))
        writer.writeheader()
        writer.writerows(lines)
    names = list(lines[0])
    table = [names, ["---"] * len(names), *([line[k] for k in names] for line in lines)]
    seeds = max(len(row.accuracy) for row in rows)
    text = "\n".join("| " + " | ".join(cells) + " |" for cells in table)
    compared = any(row.p is not None for row in rows)
    note = (
        f"{recipe.dataset}, {recipe.backbone} at {recipe.image_size} pixels, "
        f"{recipe.epochs} epochs"
        + (f" of {recipe.limit_train} faces" if recipe.limit_train else "")
        + f", best epoch on the {rows[0].n} faces that are counted; "
        + (f"mean ± standard deviation over {seeds} seeds; " if seeds > 1 else "one seed; ")
        + (
            f"against `{REFERENCE}` from equal seeds, with 95% interval and p of a paired t-test; "
            if compared
            else ""
        )
        + "latency of one face in PyTorch on one thread."
    )
    write_whole(folder / "ablation.md", f"{text}\n\n{note}\n", "--output_dir")
    record = {
        "rows": [asdict(row) for row in rows],
        "cost": {name: asdict(value) for name, value in cost.items()},
        "options": {k: v for k, v in asdict(recipe).items() if not k.endswith("_dir")},
    }
    write_whole(folder / "ablation.json", json.dumps(record, indent=2) + "\n", "--output_dir")
    _plot(rows, folder / "ablation.png")


def _cells(row: Row, cost: Cost | None) -> dict[str, str]:
    """Makes one line of the table as text."""
    against = "" if row.difference is None else f"{100 * row.difference:+.2f}"
    if row.interval is not None:
        against += f" ({100 * row.interval[0]:+.2f} to {100 * row.interval[1]:+.2f})"
    return {
        "variant": row.variant,
        "accuracy %": _spread(row.accuracy, 100, 2),
        "macro-F1": _spread(row.macro_f1, 1, 3),
        f"against {REFERENCE}": against,
        "p": "" if row.p is None else f"{row.p:.3f}",
        "parameters": f"{cost.parameters / 1e6:.2f} M" if cost else "",
        "GFLOPs": f"{cost.gflops:.3f}" if cost else "",
        "CPU ms": f"{cost.latency_ms:.1f}" if cost else "",
    }


def _spread(values: Sequence[float], scale: float, digits: int) -> str:
    mean = f"{scale * float(np.mean(values)):.{digits}f}"
    if len(values) < 2:
        return mean
    return f"{mean} ± {scale * float(np.std(values, ddof=1)):.{digits}f}"


def _plot(rows: Sequence[Row], path: Path) -> None:
    """Draws every seed as a dot and means as bars, equal seeds joined."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    seeds = max(len(row.accuracy) for row in rows)
    for seed in range(seeds):
        points = [(i, 100 * r.accuracy[seed]) for i, r in enumerate(rows) if seed < len(r.accuracy)]
        axes.plot(*zip(*points, strict=True), "o-", linewidth=0.8, alpha=0.7, label=f"seed {seed}")
    for i, row in enumerate(rows):
        mean = 100 * float(np.mean(row.accuracy))
        axes.hlines(mean, i - 0.2, i + 0.2, color="black", linewidth=2)
        axes.annotate(f"{mean:.1f}", (i + 0.22, mean), va="center")
    axes.set_xticks(range(len(rows)), [row.variant for row in rows])
    axes.set_xlim(-0.5, len(rows) - 0.3)
    axes.set_ylabel(f"accuracy % (n = {rows[0].n})")
    axes.grid(axis="y", alpha=0.3)
    axes.legend(fontsize="small")
    with writing(path, "--output_dir") as partial:
        figure.savefig(partial, format="png", dpi=120)

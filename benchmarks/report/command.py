"""`python -m benchmarks.report`: the benchmarks' JSON as Markdown tables and plots.

Takes what `--output_json` of engine, pipeline, overload, stability, soak,
accuracy and peers wrote, in any order and number. A file that can't be used is one line
on standard error, and the rest goes on.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.harness.provenance import describe
from benchmarks.harness.results import Report, read_report
from benchmarks.regression.comparison import BROKEN
from benchmarks.report.tables import TABLES
from runtime.errors import UserError
from runtime.support.cli import option, parse_options
from runtime.support.files.writing import check_writable, write_whole, writing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PROG = "python -m benchmarks.report"

#: Dots an inch and colours: small files, as some are kept in the repository.
_DPI, _PALETTE = 100, 64


@dataclass
class Options:
    """Turn the benchmarks' JSON files into Markdown tables and plots."""

    files: list[str] = option("files that --output_json of a benchmark wrote", positional=True)
    output_dir: str = option("where report.md and the plots go", "out/benchmarks")
    plots_only: bool = option("leave report.md out", False)


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code, 2 where no file could be used."""
    options = parse_options(Options, PROG, argv)
    folder = Path(options.output_dir)
    check_writable(folder / "report.md", "--output_dir")
    parts, used = [], []
    taken: set[str] = set()
    for file in options.files:
        try:
            report = _read(Path(file))
            report = Report(report.kind, _free_name(report.name, taken), report.figures)
            parts.append(_section(report, folder))
            used.append(report)
        except UserError as error:
            print(f"left out: {error}", file=sys.stderr)
    if not used:
        raise UserError("none of the files is a report that can be used")
    parts += _together(used, folder)
    if options.plots_only:
        print(folder)
        return 0
    text = "\n\n".join(["# Benchmarks", *parts]) + "\n"
    write_whole(folder / "report.md", text, "--output_dir")
    print(folder / "report.md")
    return 0


def _read(path: Path) -> Report:
    """A report that there are tables for.

    Raises:
        UserError: It is none.
    """
    report = read_report(path)
    if report.kind not in TABLES:
        raise UserError(f"{path}: a report of {report.kind}, not of {', '.join(TABLES)}")
    return report


def _section(report: Report, folder: Path) -> str:
    """A report's tables, and links to its plots, which are written here.

    Raises:
        UserError: It hasn't the shape of its kind, or a plot can't be written.
    """
    from benchmarks.report.plots import PLOTS

    draw = PLOTS.get(report.kind)
    try:
        lines = [f"## {report.kind}: {report.name}", _origin(report.figures)]
        lines += TABLES[report.kind](report.figures)
        drawn = {
            f"{report.name}_{name}.png": (title, figure)
            for name, (title, figure) in (draw(report.figures) if draw else {}).items()
        }
    except BROKEN as error:
        detail = " ".join(str(error).split()) or type(error).__name__
        raise UserError(
            f"{report.name}: not as benchmarks.{report.kind} writes it ({detail})"
        ) from error
    lines += [_save(figure, folder / file, title) for file, (title, figure) in drawn.items()]
    return "\n\n".join(lines)


def _together(reports: Sequence[Report], folder: Path) -> list[str]:
    """What several reports are drawn in: the pipeline's, and accuracy against latency."""
    from benchmarks.report.plots import accuracy_against_latency, pipelines

    by_kind: dict[str, dict[str, Any]] = {kind: {} for kind in TABLES}
    for report in reports:
        by_kind[report.kind][report.name] = report.figures
    engines, accuracies = (list(by_kind[kind].values()) for kind in ("engine", "accuracy"))
    parts = []
    for name, draw in (
        ("pipeline", partial(pipelines, by_kind["pipeline"])),
        ("accuracy", partial(accuracy_against_latency, engines, accuracies)),
    ):
        try:
            drawn = draw()
        except BROKEN as error:
            print(f"left out: plots of {name} ({error!r})", file=sys.stderr)
            continue
        for plot, (title, figure) in drawn.items():
            parts += [f"## {title}", _save(figure, folder / f"{name}_{plot}.png", title)]
    return parts


def _origin(figures: dict[str, Any]) -> str:
    """The machine's line."""
    found = figures.get("machine")
    if not found:
        return "Measured on an unknown machine."
    date = found.get("date")
    return f"Measured on {describe(found)}{f', {date}' if date else ''}."


def _save(figure: Figure, path: Path, title: str) -> str:
    """Writes a PNG and returns its Markdown."""
    from PIL import Image

    from train.evaluate.plots import save

    with writing(path, "--output_dir") as partial:
        save(figure, partial, _DPI)
        with Image.open(partial) as picture:
            small = picture.convert("RGB").quantize(_PALETTE)
        small.save(partial, format="PNG", optimize=True)
    return f"![{title}]({path.name.replace(' ', '%20')})"


def _free_name(name: str, taken: set[str]) -> str:
    """The name, numbered where another file has it: plots must not overwrite each other."""
    free, number = name, 2
    while free in taken:
        free, number = f"{name}_{number}", number + 1
    taken.add(free)
    return free

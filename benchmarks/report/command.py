"""`python -m benchmarks.report`: the benchmarks' JSON as Markdown tables and plots.

Takes what `--output_json` of engine, pipeline, overload, stability, soak,
accuracy and peers wrote, in any order and number. A file that can't be used is one line
on standard error, and the rest goes on.
"""

from __future__ import annotations

import sys
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.harness.provenance import describe
from benchmarks.harness.results import read_report
from benchmarks.harness.schema.accuracy import AccuracyReport
from benchmarks.harness.schema.common import Report
from benchmarks.harness.schema.engine import EngineReport
from benchmarks.harness.schema.pipeline import PipelineReport
from benchmarks.report.tables import tables
from runtime.errors import UserError
from runtime.support.cli import option, parse_options
from runtime.support.files.writing import check_writable, write_whole, writing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PROG = "python -m benchmarks.report"

#: Dots an inch and colours: small files, as some are kept in the repository.
_DPI, _PALETTE = 100, 64


@dataclass(kw_only=True)
class ReportOptions:
    """Turn the benchmarks' JSON files into Markdown tables and plots."""

    files: list[str] = option("files that --output_json of a benchmark wrote", positional=True)
    output_dir: str = option("where report.md and the plots go", "out/benchmarks")
    plots_only: bool = option("leave report.md out", False)


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code, 2 where no file could be used."""
    options = parse_options(ReportOptions, PROG, argv)
    folder = Path(options.output_dir)
    check_writable(folder / "report.md", "--output_dir")
    blocks: list[str] = []
    used: dict[str, Report] = {}
    for file in options.files:
        name = _free_name(Path(file).stem, used)
        try:
            report = read_report(Path(file))
            blocks.append(_section(report, file, name, folder))
            used[name] = report
        except UserError as error:
            print(f"left out: {error}", file=sys.stderr)
    if not used:
        raise UserError("none of the files is a report that can be used")
    blocks += _together(used, folder)
    if options.plots_only:
        print(folder)
        return 0
    text = "\n\n".join(["# Benchmarks", *blocks]) + "\n"
    write_whole(folder / "report.md", text, "--output_dir")
    print(folder / "report.md")
    return 0


def _section(report: Report, file: str, name: str, folder: Path) -> str:
    """A report's tables, and links to its plots, which are written here.

    Args:
        report: The report.
        file: Where it came from, for messages.
        name: What it and its plots are called.
        folder: Where the plots go.

    Raises:
        UserError: It can't be shown, or a plot can't be written.
    """
    from benchmarks.report.plots import PLOTS

    machine = f"Measured on {describe(report.machine)}, {report.machine.date}."
    draw = PLOTS.get(report.benchmark)
    try:
        lines = [f"## {report.benchmark}: {name}", machine, *tables(report)]
        drawn = draw(report) if draw else {}
    except UserError as error:
        raise UserError(f"{file}: {error}") from error
    except (ValueError, LookupError) as error:  # right keys, but lists that are empty or differ
        raise UserError(f"{file}: its figures can't be shown ({error})") from error
    lines += [
        _save(figure, folder / f"{name}_{plot}.png", title)
        for plot, (title, figure) in drawn.items()
    ]
    return "\n\n".join(lines)


def _together(reports: Mapping[str, Report], folder: Path) -> list[str]:
    """What several reports are drawn in: the pipeline's, and accuracy against latency."""
    from benchmarks.report.plots import accuracy_against_latency, pipelines

    own = {name: one for name, one in reports.items() if isinstance(one, PipelineReport)}
    engines = [one for one in reports.values() if isinstance(one, EngineReport)]
    accuracies = [one for one in reports.values() if isinstance(one, AccuracyReport)]
    blocks = []
    for name, drawn in (
        ("pipeline", pipelines(own)),
        ("accuracy", accuracy_against_latency(engines, accuracies)),
    ):
        for plot, (title, figure) in drawn.items():
            blocks += [f"## {title}", _save(figure, folder / f"{name}_{plot}.png", title)]
    return blocks


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


def _free_name(name: str, taken: Container[str]) -> str:
    """The name, numbered where another file has it: plots must not overwrite each other."""
    free, number = name, 2
    while free in taken:
        free, number = f"{name}_{number}", number + 1
    return free

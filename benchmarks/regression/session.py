"""A benchmark's first and last step: what is checked before the slow part, and the comparison."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.harness.options import CompareOptions
from benchmarks.harness.provenance import artifact, describe, this_machine
from benchmarks.harness.results import read_report, show_report, write_report
from benchmarks.harness.schema.common import ComparableReport
from benchmarks.harness.statistics import LEAST_VALUES
from benchmarks.regression.compared_figures import KINDS
from benchmarks.regression.comparison import check, compare
from runtime.errors import UserError
from runtime.options.protected_files import model_files
from runtime.support.files.inputs import check_apart
from runtime.support.files.writing import check_writable


def begin(
    kind: str, options: CompareOptions, engines: Sequence[str] = (), rounds: int = LEAST_VALUES
) -> ComparableReport | None:
    """Checks where the figures go, before the slow part.

    Args:
        kind: The benchmark, a key of `KINDS`.
        options: Its options.
        engines: Its models.
        rounds: Values of each sample that the run will give.

    Returns:
        The older report that `finish` compares with, if any.

    Raises:
        UserError: `--output_json` can't be written or belongs to a model that is
            measured, or `--compare` can't be compared with.
    """
    if options.output_json:
        models = [file for name in engines for file in model_files(Path(name))]
        check_apart({"--output_json": options.output_json}, models)
        check_writable(Path(options.output_json), "--output_json")
    if not options.compare:
        return None
    try:
        old = read_report(Path(options.compare))
    except UserError as error:
        raise UserError(f"--compare {error}") from error
    if old.benchmark != kind or not isinstance(old, ComparableReport):
        raise UserError(f"--compare {options.compare}: a report of {old.benchmark}, not of {kind}")
    if rounds < LEAST_VALUES:
        raise UserError(f"--compare needs --rounds {LEAST_VALUES} or more, not {rounds}")
    artifacts = [artifact(name) for name in engines]
    check(old, _settings(kind, options), artifacts, options.compare)
    return old


def header(kind: str, options: CompareOptions) -> dict[str, Any]:
    """The first fields of a report: whose it is, on what machine, and the settings that matter."""
    return {
        "benchmark": kind,
        "machine": this_machine(),
        "settings": _settings(kind, options),
    }


def _settings(kind: str, options: CompareOptions) -> dict[str, object]:
    """The options that must be the same in two reports that are compared."""
    return {name: getattr(options, name) for name in KINDS[kind].settings}


def finish(
    report: ComparableReport,
    options: CompareOptions,
    old: ComparableReport | None,
    show: bool = False,
) -> int:
    """Writes the report and compares it with an older one.

    Args:
        report: What was measured.
        options: The options that `begin` checked.
        old: What `begin` returned.
        show: Print it as JSON, but for the samples.

    Returns:
        The exit code: 1 where something has become worse.

    Raises:
        UserError: Nothing could be compared.
    """
    if show:
        show_report(report)
    write_report(report, options.output_json)
    if old is None:
        return 0
    name = str(options.compare)
    changes = compare(old, report, name)
    print(f"compared with {name}: {describe(old.machine)}")
    print("\n".join(map(str, changes)))
    return int(any(change.verdict == "worse" for change in changes))

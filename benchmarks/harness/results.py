"""Where a benchmark's figures go, and the older ones that they are compared with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.harness.provenance import artifact, describe, machine
from benchmarks.regression.compared import KINDS, LEAST
from benchmarks.regression.comparison import check, compare
from runtime.errors import UserError
from runtime.options.protected_files import model_files
from runtime.support.files.writing import check_apart, check_writable, write_whole

#: A key that only this benchmark's report has: older ones don't name themselves.
_MARKS = {
    "engines": "engine",
    "pipeline": "pipeline",
    "capacity_fps": "overload",
    "smoothing_s": "stability",
    "soak": "soak",
    "kills": "soak",
}


@dataclass(frozen=True)
class Report:
    """One benchmark's figures.

    Attributes:
        kind: Name of the benchmark.
        name: File it came from, without suffix.
        figures: What the file holds.
    """

    kind: str
    name: str
    figures: dict[str, Any]


def read_report(path: Path) -> Report:
    """A benchmark's JSON.

    Raises:
        UserError: It can't be read, or no benchmark wrote it.
    """
    try:
        figures = json.loads(path.read_text())
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise UserError(f"{path}: not JSON ({error})") from error
    if isinstance(figures, dict):
        kind = figures.get("benchmark") or next(
            (kind for mark, kind in _MARKS.items() if mark in figures), None
        )
        if isinstance(kind, str):
            return Report(kind, path.stem, figures)
    raise UserError(f"{path}: not a benchmark's report")


def begin(kind: str, options: Any) -> Report | None:
    """Checks where the figures go, before the slow part.

    Args:
        kind: The benchmark, a key of `KINDS`.
        options: Its options, with `output_json` and `compare`.

    Returns:
        The older report that `finish` compares with, if any.

    Raises:
        UserError: `--output_json` can't be written or belongs to a model that is
            measured, or `--compare` can't be compared with.
    """
    names = getattr(options, "engine", None) or []
    names = [names] if isinstance(names, str) else names
    if options.output_json:
        models = [file for name in names for file in model_files(Path(name))]
        check_apart({"--output_json": options.output_json}, models)
        check_writable(Path(options.output_json), "--output_json")
    if not options.compare:
        return None
    try:
        old = read_report(Path(options.compare))
    except UserError as error:
        raise UserError(f"--compare {error}") from error
    if old.kind != kind:
        raise UserError(f"--compare {options.compare}: a report of {old.kind}, not of {kind}")
    rounds = getattr(options, "rounds", LEAST)
    if rounds < LEAST:
        raise UserError(f"--compare needs --rounds {LEAST} or more, not {rounds}")
    artifacts = [artifact(name) for name in names]
    check(old.figures, kind, _settings(kind, options), artifacts, options.compare)
    return old


def head(kind: str, options: Any) -> dict[str, Any]:
    """The first entries of a report: whose it is, of what machine, and the settings that matter."""
    return {"benchmark": kind, "machine": machine(), "settings": _settings(kind, options)}


def finish(figures: Mapping[str, Any], options: Any, old: Report | None, show: bool = False) -> int:
    """Writes the figures and compares them with older ones.

    Args:
        figures: The report; `head` made its first entries.
        options: The options that `begin` checked.
        old: What `begin` returned.
        show: Print them as JSON, but for the samples.

    Returns:
        The exit code: 1 where something has become worse.

    Raises:
        UserError: Nothing could be compared.
    """
    (show_figures if show else write_figures)(figures, options.output_json)
    if old is None:
        return 0
    changes = compare(old.figures, figures, old.kind, options.compare)
    print(f"compared with {options.compare}: {describe(old.figures.get('machine') or {})}")
    print("\n".join(map(str, changes)))
    return int(any(change.verdict == "worse" for change in changes))


def write_figures(figures: Mapping[str, Any], path: str | None) -> None:
    """Writes figures as JSON where `--output_json` says; None writes nothing."""
    if path:
        write_whole(Path(path), json.dumps(figures, indent=2) + "\n", "--output_json")


def show_figures(figures: Mapping[str, Any], path: str | None) -> None:
    """Prints figures as JSON, but for the samples, and writes them as `write_figures`."""
    print(json.dumps(_without_samples(figures), indent=2))
    write_figures(figures, path)


def _without_samples(figures: Any) -> Any:
    if isinstance(figures, Mapping):
        return {k: _without_samples(v) for k, v in figures.items() if k != "samples"}
    return [_without_samples(v) for v in figures] if isinstance(figures, list) else figures


def _settings(kind: str, options: Any) -> dict[str, Any]:
    return {name: getattr(options, name) for name in KINDS[kind].settings}

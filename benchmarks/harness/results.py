"""Reports on the disk: read as dataclasses, written whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.harness.json_codec import ShapeError, from_json, to_json
from benchmarks.harness.schema.common import VERSION, Report
from benchmarks.harness.schema.kinds import REPORTS
from runtime.errors import UserError
from runtime.support.files.writing import write_whole


def read_report(path: Path) -> Report:
    """A benchmark's JSON.

    Raises:
        UserError: It can't be read, or no benchmark of this version wrote it.
    """
    try:
        data = json.loads(path.read_text())
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise UserError(f"{path}: not JSON ({error})") from error
    kind = data.get("benchmark") if isinstance(data, dict) else None
    if not isinstance(kind, str) or kind not in REPORTS:
        raise UserError(f"{path}: not a benchmark's report")
    version = data.get("version", VERSION)
    if version != VERSION:
        raise UserError(f"{path}: a report of version {version!r}; this one reads {VERSION}")
    try:
        return from_json(REPORTS[kind], data)
    except ShapeError as error:
        raise UserError(
            f"{path}: not as this version of benchmarks.{kind} writes it ({error}): measure again"
        ) from error


def write_report(report: Report, path: str | None) -> None:
    """Writes a report as JSON where `--output_json` says; None writes nothing."""
    if path:
        write_whole(Path(path), json.dumps(to_json(report), indent=2) + "\n", "--output_json")


def show_report(report: Report) -> None:
    """Prints a report as JSON, but for the samples."""
    print(json.dumps(_without_samples(to_json(report)), indent=2))


def _without_samples(figures: Any) -> Any:
    if isinstance(figures, dict):
        return {k: _without_samples(v) for k, v in figures.items() if k != "samples"}
    return [_without_samples(v) for v in figures] if isinstance(figures, list) else figures

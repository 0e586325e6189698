"""Committed results as the tests' reports."""

from __future__ import annotations

from typing import TypeVar

from benchmarks.harness.results import read_report
from benchmarks.harness.schema.common import Report
from tests.conftest import REPO

RESULTS = REPO / "benchmarks" / "results"

Kind = TypeVar("Kind", bound=Report)


def committed(name: str, kind: type[Kind]) -> Kind:
    """The report of `benchmarks/results/NAME.json`."""
    report = read_report(RESULTS / f"{name}.json")
    assert isinstance(report, kind)
    return report

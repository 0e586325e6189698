"""Cells of tables."""

from __future__ import annotations

from benchmarks.report.markdown import interval, percent, table


def test_cells_cannot_break_a_table() -> None:
    assert table(["a", "b"], [["x|y\nz", None]]).splitlines()[-1] == "| x\\|y z |  |"


def test_shares_and_intervals() -> None:
    assert percent(0.1234) == "12.34%"
    assert interval((0.1, 0.2)) == "10.00% to 20.00%"
    assert percent(None) is interval(None) is None

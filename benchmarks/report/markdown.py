"""Markdown tables and their cells."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any


def table(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A Markdown table; None is an empty cell."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    # A bar or a line's end in a name would break the table.
    return " ".join(str(value).split()).replace("|", "\\|")


def percent(value: float | None) -> str | None:
    """A share for a cell."""
    return None if value is None else f"{value:.2%}"


def interval(ends: tuple[float, float] | None) -> str | None:
    """An interval of a share for a cell."""
    return None if ends is None else f"{ends[0]:.2%} to {ends[1]:.2%}"

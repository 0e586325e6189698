"""How far long work has come, as bars on standard error."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TypeVar

from tqdm import tqdm

Item = TypeVar("Item")

#: Seconds of work before a bar shows, and between two states of it where no terminal reads.
DELAY_S, LOG_S = 5.0, 10.0


def show_progress(
    items: Iterable[Item] | None, what: str, total: int | None = None, unit: str = "faces"
) -> tqdm[Item]:
    """Makes a bar that counts items as they are taken, or by its `update`.

    Args:
        items: What is worked on, an item at a time; None where `update` counts.
        what: Name of the work; a line break in it is shown as a space.
        total: Number of items where `items` doesn't know it; None for unknown.
        unit: What is counted.

    Returns:
        The bar, which is a context manager and an iterator over the items.
    """
    return tqdm(
        items,
        " ".join(what.split()),
        total,
        unit=f" {unit}",
        delay=DELAY_S,
        mininterval=0.5 if sys.stderr.isatty() else LOG_S,
        file=sys.stderr,
        dynamic_ncols=True,
    )

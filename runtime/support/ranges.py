"""Numbers of settings, held to their ranges."""

from __future__ import annotations

import math

from runtime.errors import UserError


def within(name: str, value: float | None, low: float, high: float = math.inf) -> None:
    """Refuses a number outside its range, and NaN.

    Args:
        name: The setting's.
        value: The number; None passes.
        low: Its least value.
        high: Its greatest.

    Raises:
        UserError: It is outside.
    """
    if value is not None and not low <= value <= high:
        limit = f"{low:g} or more" if high == math.inf else f"{low:g} to {high:g}"
        raise UserError(f"{name} must be {limit}, not {value}")

"""The confidence temperature: one number that divides the logits before softmax.

Temperature scaling (Guo et al. 2017, "On Calibration of Modern Neural
Networks") makes confidence mean what it says; no label changes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from runtime.emotion.classifier import softmax

Floats = NDArray[np.floating[Any]]

#: Lowest and highest temperature that a fit gives.
LOWEST, HIGHEST = 0.05, 20.0


def fit_temperature(logits: Floats, targets: Floats) -> float:
    """Finds the temperature at which logits are most likely to give distributions.

    The likelihood loss is convex in the inverse temperature, so its slope has
    at most one zero.

    Args:
        logits: (N, C) finite.
        targets: (N, C) distributions, such as one-hot labels; rows add up to one.

    Returns:
        The temperature, within `LOWEST` and `HIGHEST`.
    """
    logits = np.asarray(logits, np.float64)
    wanted = (targets * logits).sum(1).mean()

    def slope(log_inverse: float) -> float:
        probabilities = softmax(np.exp(log_inverse) * logits)
        return float((probabilities * logits).sum(1).mean() - wanted)

    low, high = -np.log(HIGHEST), -np.log(LOWEST)
    if slope(low) >= 0:
        return HIGHEST
    if slope(high) <= 0:
        return LOWEST
    return float(np.exp(-brentq(slope, low, high, xtol=1e-12)))

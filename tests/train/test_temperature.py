"""The temperature undoes a known overconfidence."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from train.scores import calibration_error, negative_log_likelihood
from train.temperature import fit_temperature


def _softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits)
    return powers / powers.sum(1, keepdims=True)


@given(st.floats(0.1, 10), st.integers(0, 1000))
def test_recovers_a_known_scaling(temperature: float, seed: int) -> None:
    honest = np.random.default_rng(seed).normal(0, 2, (50, 8))
    fitted = fit_temperature((honest * temperature).astype(np.float32), _softmax(honest))
    assert fitted == pytest.approx(temperature, rel=1e-3)


def test_recovers_a_known_scaling_from_labels_alone() -> None:
    rng = np.random.default_rng(0)
    honest = rng.normal(0, 2, (20000, 4))
    labels = np.array([rng.choice(4, p=p) for p in _softmax(honest)])
    targets = np.eye(4)[labels]
    assert fit_temperature(3.0 * honest, targets) == pytest.approx(3.0, rel=0.05)
    # Overconfident before, honest after.
    assert calibration_error(3.0 * honest, labels) > 0.1
    assert calibration_error(honest, labels) < 0.02


def test_no_other_temperature_is_likelier() -> None:
    rng = np.random.default_rng(1)
    logits = rng.normal(0, 3, (100, 8))
    targets = np.array([rng.dirichlet(10 * p) for p in _softmax(logits / 2)])
    best = fit_temperature(logits, targets)
    loss = negative_log_likelihood(logits / best, targets)
    for other in (0.5 * best, 0.99 * best, 1.01 * best, 2 * best):
        assert negative_log_likelihood(logits / other, targets) > loss


def test_extremes_stay_in_range() -> None:
    logits = np.array([[5.0, 0.0], [0.0, 5.0]])
    assert fit_temperature(logits, np.eye(2)) == pytest.approx(0.05)
    assert fit_temperature(logits, np.eye(2)[::-1]) == pytest.approx(20)


def test_certain_logits_do_not_overflow() -> None:
    logits = np.array([[1e4, 0.0], [0.0, 1e4]], np.float32)
    assert np.isfinite(fit_temperature(logits, np.full((2, 2), 0.5)))


def _bisected(logits: np.ndarray, targets: np.ndarray) -> float:
    """The temperature by sixty halvings of the slope, as it was found before scipy."""
    logits = np.asarray(logits, np.float64)
    wanted = (targets * logits).sum(1).mean()
    low, high = np.log(1 / 20), np.log(1 / 0.05)
    for _ in range(60):
        middle = (low + high) / 2
        if (_softmax(np.exp(middle) * logits) * logits).sum(1).mean() > wanted:
            high = middle
        else:
            low = middle
    return float(np.exp(-(low + high) / 2))


@given(st.integers(0, 1000), st.floats(0.2, 8))
def test_scipy_finds_what_bisection_found(seed: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    logits = scale * rng.normal(0, 2, (40, 5))
    targets = rng.dirichlet(np.ones(5), 40)
    assert fit_temperature(logits, targets) == pytest.approx(_bisected(logits, targets), rel=1e-9)

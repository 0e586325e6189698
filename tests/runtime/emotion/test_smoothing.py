import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.emotion.smoothing import Smoother


def p(*values: float) -> np.ndarray:
    rest = (1 - sum(values)) / (8 - len(values))
    return np.array([*values, *[rest] * (8 - len(values))])


@given(st.floats(5, 120))
def test_the_rate_of_frames_doesn_t_matter(fps):
    smoother = Smoother(tau_s=0.25)
    smoother.update(1, p(1.0), 0.0)
    steps = round(0.5 * fps)
    for i in range(1, steps + 1):
        label = smoother.update(1, p(0.0, 1.0), 0.5 * i / steps)
    # The exponential response, whatever the number of steps.
    assert label.probabilities[1] == pytest.approx(1 - np.exp(-0.5 / 0.25), abs=1e-9)


@given(st.lists(st.lists(st.floats(0.01, 1), min_size=8, max_size=8), min_size=1, max_size=30))
def test_probabilities_stay_probabilities(rows):
    smoother = Smoother()
    for i, row in enumerate(rows):
        label = smoother.update(1, np.array(row) / sum(row), i / 30)
        assert label.probabilities.sum() == pytest.approx(1)
        assert label.confidence == label.probabilities[label.index]


def test_a_narrow_lead_changes_no_label_a_clear_one_does():
    smoother = Smoother(tau_s=0.0, lead=0.1)
    assert smoother.update(1, p(0.5, 0.4), 0.0).index == 0
    assert smoother.update(1, p(0.44, 0.5), 0.1).index == 0
    assert smoother.update(1, p(0.3, 0.6), 0.2).index == 1


def test_noise_flips_fewer_labels_than_raw():
    rng = np.random.default_rng(0)
    rows = [p(*(np.array([0.45, 0.4]) + rng.normal(0, 0.1, 2)).clip(0, 0.5)) for _ in range(300)]
    smoother = Smoother()
    raw = [int(r.argmax()) for r in rows]
    steady = [smoother.update(1, r, i / 30).index for i, r in enumerate(rows)]
    flips = [sum(a != b for a, b in itertools.pairwise(x)) for x in (raw, steady)]
    assert flips[1] * 5 <= flips[0]


def test_uncertain_has_hysteresis():
    smoother = Smoother(tau_s=0.0, certain=0.4, hysteresis=0.1)
    assert not smoother.update(1, p(0.45), 0.0).uncertain
    assert smoother.update(1, p(0.38), 0.1).uncertain
    assert smoother.update(1, p(0.45), 0.2).uncertain
    assert not smoother.update(1, p(0.55), 0.3).uncertain


@pytest.mark.parametrize("later", [9.0, -1.0])
def test_a_gap_or_a_step_back_starts_afresh(later):
    smoother = Smoother(reset_s=1.0)
    smoother.update(1, p(0.9), 0.0)
    assert smoother.update(1, p(0.05, 0.9), later).index == 1


def test_tracks_are_apart_and_forgotten():
    smoother = Smoother()
    smoother.update(1, p(0.9), 0.0)
    assert smoother.update(2, p(0.05, 0.9), 0.0).index == 1
    assert smoother.last(1).index == 0
    smoother.forget(5.0)
    assert smoother.last(1) is None


def test_a_track_that_only_waited_for_its_turn_keeps_its_label():
    """Shed work may read a face every other second; a narrow lead is none then either."""
    smoother = Smoother()
    smoother.update(1, np.array([0.52, 0.48]), 0.0)
    for i in range(1, 20):
        smoother.forget(i / 10, {1})
    assert smoother.update(1, np.array([0.48, 0.52]), 2.0).index == 0
    # One that was away is another matter.
    assert smoother.update(1, np.array([0.48, 0.52]), 4.0).index == 1

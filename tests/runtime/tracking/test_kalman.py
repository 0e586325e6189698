"""The motion filter of one coordinate."""

import numpy as np
import pytest

from runtime.tracking.kalman import Motion


def test_a_steady_motion_is_learnt():
    motion = Motion(0.0, 50.0)
    for i in range(1, 60):
        motion.update(100 * i / 30, 1 / 30, 50.0)
    assert motion.speed == pytest.approx(100, rel=0.02)
    assert motion.place == pytest.approx(100 * 59 / 30, abs=1)


def test_noise_is_smoothed():
    rng = np.random.default_rng(0)
    motion, speeds = Motion(0.0, 50.0), []
    for _ in range(300):
        motion.update(rng.normal(0, 1.5), 1 / 30, 50.0)
        speeds.append(motion.speed)
    raw = 1.5 * np.sqrt(2) * 30
    assert np.std(speeds[50:]) < raw / 3


def test_dropped_frames_change_little():
    often, seldom = Motion(0.0, 50.0), Motion(0.0, 50.0)
    for i in range(1, 91):
        often.update(80 * i / 30, 1 / 30, 50.0)
        if i % 3 == 0:
            seldom.update(80 * i / 30, 3 / 30, 50.0)
    assert often.speed == pytest.approx(seldom.speed, rel=0.05)
    assert often.place == pytest.approx(seldom.place, abs=1)


def test_another_scale_is_the_same_motion():
    one, two = Motion(10.0, 50.0), Motion(10.0, 50.0)
    two.rescale(2.0)
    for i in range(1, 30):
        one.update(10 + i, 1 / 30, 50.0)
        two.update(2 * (10 + i), 1 / 30, 100.0)
    assert two.place == pytest.approx(2 * one.place)
    assert two.speed == pytest.approx(2 * one.speed)

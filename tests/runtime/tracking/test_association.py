"""How well detections fit tracks."""

import numpy as np
import pytest

from runtime.tracking.association import affinity

BOX = np.array([[0, 0, 100, 100]], float)
ONE = np.ones(1)


def fit(box, reach=1.0):
    return affinity(BOX, np.array([box], float), np.array([reach]), 0.2)[0, 0]


def test_overlap_beats_nearness_and_nearness_beats_nothing():
    assert fit((0, 0, 100, 100)) == 2
    assert 1.2 <= fit((50, 0, 150, 100)) < 2
    assert 0 < fit((90, 0, 190, 100)) < 1
    assert fit((250, 0, 350, 100)) == 0


def test_another_size_is_another_face_unless_it_overlaps():
    assert fit((80, 0, 130, 50)) == 0
    assert fit((10, 10, 70, 70)) > 1


def test_a_face_hidden_for_longer_may_be_further_off():
    assert fit((150, 0, 250, 100)) == 0
    assert fit((150, 0, 250, 100), reach=2.0) > 0


@pytest.mark.parametrize(("tracks", "faces"), [(0, 3), (3, 0), (2, 3)])
def test_shapes(tracks, faces):
    got = affinity(BOX.repeat(tracks, 0), BOX.repeat(faces, 0), ONE.repeat(tracks), 0.2)
    assert got.shape == (tracks, faces)

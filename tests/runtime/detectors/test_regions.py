"""Searching parts of a picture, whatever the detector."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.detectors.regions import moved, reduction_to, search
from runtime.messages import Face
from runtime.vision.picture import Picture

PICTURE = Picture(np.zeros((100, 200, 3), np.uint8))


class Find:
    """Notes the parts that it was given; finds one face in the middle of each, or those given."""

    def __init__(self, *faces):
        self.faces, self.asked = faces, []

    def __call__(self, image, reduction):
        self.asked.append((image.shape, reduction))
        height, width = image.shape[:2]
        middle = Face((width / 4, height / 4, 3 * width / 4, 3 * height / 4), 0.9)
        return list(self.faces or [middle])


def test_the_whole_picture_is_no_copy():
    find = Find()
    seen = []
    search(lambda image, _: seen.append(image) or find(image, 1), PICTURE, None, 0.5)
    assert seen[0] is PICTURE.bgr()


def test_parts_are_cut_in_whole_pixels_and_reduced_alike():
    find = Find()
    search(find, PICTURE, [(10.2, 20.9, 29.1, 60), (190, -5, 230, 40)], 0.5)
    assert find.asked == [((40, 20, 3), 0.5), ((40, 10, 3), 0.5)]


def test_faces_move_back_with_all_that_they_have():
    marks = np.arange(10, dtype=np.float32).reshape(5, 2)
    face = Face((1.0, 2.0, 5.0, 6.0), 0.9, marks, (0.0, 0.0, 9.0, 9.0))
    (found,) = search(Find(face), PICTURE, [(50, 30, 90, 80)], 1.0)
    there = marks + np.array([50, 30], np.float32)
    assert found == Face((51.0, 32.0, 55.0, 36.0), 0.9, there, (50.0, 30.0, 59.0, 39.0))
    assert found.landmarks.dtype == np.float32
    assert moved(face, 0, 0) == face


def test_the_same_region_twice_and_one_in_another_are_searched_once():
    find = Find()
    search(find, PICTURE, [(0, 0, 50, 50), (0.4, 0.4, 49.5, 50), (10, 10, 40, 40)], 1.0)
    assert len(find.asked) == 1


def test_the_best_of_two_regions_detections_stays():
    def find(image, _):
        # The face is at 40 to 60; the second region's border cuts it at 52.
        wide = image.shape[1]
        if wide == 70:
            return [Face((40.0, 20, 60, 40), 0.8)]
        return [Face((0.0, 20, 8, 40), 0.6)]

    found = search(find, PICTURE, [(0, 0, 70, 90), (52, 0, 150, 90)], 1.0)
    assert [f.box for f in found] == [(40.0, 20, 60, 40)]


def test_faces_of_one_region_never_hide_each_other():
    """How near two of them may stand is the detector's own affair."""
    pair = Face((10.0, 10, 30, 30), 0.9), Face((12.0, 12, 32, 32), 0.8)
    assert search(Find(*pair), PICTURE, [(0, 0, 100, 100)], 1.0) == list(pair)


def test_faces_come_best_first_from_all_regions():
    scores = iter((0.5, 0.9, 0.7))
    found = search(
        lambda *_: [Face((5.0, 5, 15, 15), next(scores))],
        PICTURE,
        [(0, 0, 20, 20), (50, 0, 70, 20), (90, 0, 110, 20)],
        1.0,
    )
    assert [f.score for f in found] == [0.9, 0.7, 0.5]


@given(st.lists(st.tuples(*[st.floats()] * 4), max_size=4))
def test_any_regions_are_cut_within_the_picture(regions):
    find = Find()
    for face in search(find, PICTURE, regions, 1.0):
        assert 0 <= face.box[0] < face.box[2] <= PICTURE.width
        assert 0 <= face.box[1] < face.box[3] <= PICTURE.height
    assert all(min(shape[:2]) >= 4 for shape, _ in find.asked)


@pytest.mark.parametrize(("size", "factor"), [(100, 0.5), (200, 1.0), (900, 1.0)])
def test_reduction(size, factor):
    assert reduction_to(PICTURE, size) == factor

import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.manifest import Preprocess
from runtime.vision.preprocess import crop_face, crop_square, face_to_input, to_bgr

_side = st.floats(-500, 1500)


@given(x1=_side, y1=_side, x2=_side, y2=_side, margin=st.floats(0.5, 3.0))
@settings(max_examples=200)
def test_any_box_gives_a_square_crop(x1, y1, x2, y2, margin):
    image = np.zeros((120, 160, 3), np.uint8)
    spec = Preprocess(margin=margin)
    crop = crop_face(image, (x1, y1, x2, y2), spec)
    side = max(1, round(max(x2 - x1, y2 - y1, 1.0) * margin))
    assert crop.shape == (side, side, 3)


@given(x=st.integers(0, 100), y=st.integers(0, 80), side=st.integers(4, 40))
def test_a_crop_inside_is_the_picture_itself(x, y, side):
    image = np.random.default_rng(0).integers(0, 255, (120, 140, 3), np.uint8)
    crop = crop_face(image, (x, y, x + side, y + side), Preprocess())
    np.testing.assert_array_equal(crop, image[y : y + side, x : x + side])


def test_margin_and_shift_move_the_square():
    spec = Preprocess(margin=1.5, shift=0.1)
    assert crop_square((10, 20, 50, 100), spec) == (30.0, 60.0 + 12.0, 120.0)


def test_outside_repeats_the_border():
    image = np.full((50, 50, 3), 7, np.uint8)
    assert (crop_face(image, (-30, -30, 20, 20), Preprocess()) == 7).all()
    assert (crop_face(image, (200, 200, 240, 240), Preprocess()) == 7).all()


def test_roll_levels_the_eyes(portrait):
    box = (181.5, 58.1, 269.9, 177.9)
    centre = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
    eyes = np.array([[203.3, 101.9], [247.3, 104.9], [0, 0], [0, 0], [0, 0]], np.float32)
    turn = cv2.getRotationMatrix2D(centre, 20, 1.0)
    tilted = cv2.warpAffine(portrait, turn, portrait.shape[:2])
    tilted_eyes = (np.c_[eyes, np.ones(5)] @ turn.T).astype(np.float32)
    spec = Preprocess(align="roll")
    level = crop_face(portrait, box, spec, eyes).astype(float)
    again = crop_face(tilted, box, spec, tilted_eyes).astype(float)
    plain = crop_face(tilted, box, Preprocess(), tilted_eyes).astype(float)
    middle = slice(20, -20)
    same = np.abs(level[middle, middle] - again[middle, middle]).mean()
    other = np.abs(level[middle, middle] - plain[middle, middle]).mean()
    assert same < 0.4 * other


@pytest.mark.parametrize("color", ["gray", "rgb"])
@pytest.mark.parametrize("shape", [(1, 1), (48, 48), (300, 200), (31, 31, 3)])
def test_input_has_the_manifest_shape_and_range(color, shape):
    face = np.random.default_rng(1).integers(0, 256, shape).astype(np.uint8)
    out = face_to_input(face, Preprocess(size=64, color=color))
    assert out.shape == (3, 64, 64)
    assert out.dtype == np.float32
    assert out.min() >= -1.0001
    assert out.max() <= 1.0001


def test_normalisation_is_exact():
    spec = Preprocess(size=16, color="rgb", mean=(0.1, 0.2, 0.3), std=(0.4, 0.5, 0.6))
    face = np.zeros((16, 16, 3), np.uint8)
    face[:, :, 0], face[:, :, 1], face[:, :, 2] = 30, 90, 210  # B, G, R
    out = face_to_input(face, spec)
    wanted = [(210 / 255 - 0.1) / 0.4, (90 / 255 - 0.2) / 0.5, (30 / 255 - 0.3) / 0.6]
    np.testing.assert_allclose(out[:, 0, 0], wanted, rtol=1e-5)


def test_grey_model_ignores_colour(face):
    spec = Preprocess(color="gray")
    grey = cv2.cvtColor(face, cv2.COLOR_BGR2GRAY)
    np.testing.assert_array_equal(face_to_input(face, spec), face_to_input(grey, spec))


def test_detail_takes_sharpness_away(face):
    sharp = face_to_input(face, Preprocess(size=112))
    soft = face_to_input(face, Preprocess(size=112, detail=48))
    assert np.abs(np.diff(soft, axis=2)).mean() < np.abs(np.diff(sharp, axis=2)).mean()


@pytest.mark.parametrize(
    "image",
    [
        np.full((4, 5), 200, np.uint8),
        np.full((4, 5, 1), 200, np.uint8),
        np.full((4, 5, 3), 200, np.uint8),
        np.full((4, 5, 4), (200, 200, 200, 255), np.uint8),
        np.full((4, 5), 200 * 257, np.uint16),
        np.full((4, 5, 3), 200 / 255, np.float32),
    ],
)
def test_any_picture_becomes_8_bit_bgr(image):
    out = to_bgr(image)
    assert out.shape == (4, 5, 3)
    assert out.dtype == np.uint8
    assert np.abs(out.astype(int) - 200).max() <= 1


def test_transparent_pixels_are_black():
    assert to_bgr(np.full((2, 2, 4), (9, 9, 9, 0), np.uint8)).max() == 0


@pytest.mark.parametrize(
    "image", [np.zeros((0, 4, 3), np.uint8), np.zeros(4, np.uint8), np.zeros((2, 2, 2), np.uint8)]
)
def test_no_picture_is_refused(image):
    with pytest.raises(ValueError, match="picture"):
        to_bgr(image)


@pytest.mark.parametrize("align", ["none", "roll"])
@pytest.mark.parametrize(
    "box", [(math.nan, 0, 9, 9), (0, 0, math.inf, 9), (0, -math.inf, 9, 9), (-1e308, 0, 1e308, 9)]
)
def test_a_box_without_bounds_is_one_clear_error(align, box):
    marks = np.array([[10, 10], [30, 12], [0, 0], [0, 0], [0, 0]], np.float32)
    with pytest.raises(ValueError, match="must be finite"):
        crop_face(np.zeros((48, 64, 3), np.uint8), box, Preprocess(align=align), marks)


@pytest.mark.parametrize("align", ["none", "roll"])
@pytest.mark.parametrize("box", [(1e19, 1e19, 2e19, 2e19), (1e9, 1e9, 1e9 + 40, 1e9 + 40)])
def test_a_box_far_away_is_a_crop_of_the_border(align, box):
    image = np.full((48, 64, 3), 7, np.uint8)
    marks = np.array([[10, 10], [30, 12], [0, 0], [0, 0], [0, 0]], np.float32)
    crop = crop_face(image, box, Preprocess(align=align), marks)
    assert crop.shape[0] == crop.shape[1] <= 1024
    assert (crop == 7).all()

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from runtime.vision.arrays import array_to_bgr

PIXELS = hnp.arrays(
    np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, max_side=8).map(lambda side: (*side, 3))
)


def test_bgr_is_passed_on_as_it_is():
    picture = np.zeros((4, 5, 3), np.uint8)
    assert array_to_bgr(picture) is picture


@given(PIXELS)
def test_every_form_of_a_picture_is_the_same_picture(picture):
    wide = picture.astype(np.uint16)
    forms = {
        "16 bits": wide * 257,
        "big-endian": (wide * 257).astype(">u2"),
        "float32": picture.astype(np.float32) / 255,
        "float16": (picture / 255).astype(np.float16),
        "BGRA": np.dstack([picture, np.zeros(picture.shape[:2], np.uint8)]),
        "a view": np.ascontiguousarray(picture[:, ::-1])[:, ::-1],
    }
    for name, form in forms.items():
        got = array_to_bgr(form)
        assert got.dtype == np.uint8, name
        assert got.flags.c_contiguous, name
        assert (got == picture).all(), name


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 1)])
def test_grey_gets_three_channels(shape):
    grey = np.arange(20, dtype=np.uint8).reshape(shape)
    got = array_to_bgr(grey)
    assert got.shape == (4, 5, 3)
    assert all((got[:, :, i] == grey.reshape(4, 5)).all() for i in range(3))


@pytest.mark.parametrize(
    ("picture", "error", "word"),
    [
        (None, TypeError, "reading it failed"),
        ([[1, 2], [3, 4]], TypeError, "list"),
        (np.zeros((4, 5, 3), np.int64), TypeError, "int64"),
        (np.zeros((4, 5, 3), bool), TypeError, "bool"),
        (np.zeros((4, 5, 3), np.uint32), TypeError, "uint32"),
        (np.zeros((4, 5, 3), complex), TypeError, "complex"),
        (np.zeros(9, np.uint8), ValueError, "(9,)"),
        (np.zeros((4, 5, 2), np.uint8), ValueError, "(4, 5, 2)"),
        (np.zeros((2, 4, 5, 3), np.uint8), ValueError, "predict_many"),
        (np.zeros((0, 5, 3), np.uint8), ValueError, "no pixels"),
        (np.full((4, 5, 3), 200.0), ValueError, "[0, 1]"),
        (np.full((4, 5), -1.0), ValueError, "[0, 1]"),
        (np.full((4, 5), np.nan), ValueError, "nan"),
        (np.full((4, 5), np.inf), ValueError, "inf"),
    ],
)
def test_what_is_no_picture_is_refused(picture, error, word):
    with pytest.raises(error) as caught:
        array_to_bgr(picture)
    assert word in str(caught.value)


@given(st.floats(-0.05, 1.05))
def test_a_little_overshoot_of_resampling_is_cut_off(value):
    got = array_to_bgr(np.full((2, 2), value))
    assert int(got[0, 0, 0]) == round(min(max(value, 0), 1) * 255)


@pytest.mark.parametrize("other", [[[1, 2], [3, 4]], memoryview(b"1234"), object()])
def test_what_is_no_array_is_told_what_is(other):
    with pytest.raises(TypeError, match="a NumPy array or a Pillow image, not"):
        array_to_bgr(other)

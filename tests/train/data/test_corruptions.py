"""What every corruption promises, on grey and on coloured faces of any size."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from train.data.corruptions import CORRUPTIONS, STRENGTHS, corrupt, corrupt_faces
from train.datasets.faces import single_labels

names = st.sampled_from(sorted(CORRUPTIONS))
sides = st.integers(12, 130)


def _face(height: int, width: int, colour: bool, seed: int) -> np.ndarray:
    """Smooth light and shade with some texture, as pictures have."""
    rng = np.random.default_rng(seed)
    shape = (8, 8, 3) if colour else (8, 8)
    coarse = rng.integers(0, 256, shape).astype(np.uint8)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC))


def _change(face: np.ndarray, spoiled: np.ndarray) -> float:
    return float(np.abs(face.astype(float) - spoiled).mean())


@settings(max_examples=200)
@given(names, st.sampled_from(STRENGTHS), sides, sides, st.booleans(), st.integers(0, 99))
def test_shape_type_and_source_stay(
    name: str, strength: int, height: int, width: int, colour: bool, seed: int
) -> None:
    face = _face(height, width, colour, seed)
    before = face.copy()
    spoiled = corrupt(face, name, strength, seed, 3)
    assert (spoiled.shape, spoiled.dtype) == (face.shape, np.uint8)
    assert np.array_equal(face, before)
    assert np.array_equal(spoiled, corrupt(face, name, strength, seed, 3))


@given(names, st.booleans(), st.integers(0, 99))
def test_strength_five_changes_more_than_one(name: str, colour: bool, seed: int) -> None:
    face = _face(48, 48, colour, seed)
    changes = [_change(face, corrupt(face, name, s, seed, 0)) for s in STRENGTHS]
    assert changes[4] > changes[0]


@pytest.mark.parametrize("name", sorted(CORRUPTIONS))
def test_larger_crops_of_a_face_suffer_alike(name: str, face: np.ndarray) -> None:
    """One face cut at 48 and at 144 pixels: the damage is of the same order."""
    small, large = (cv2.resize(face, (s, s), interpolation=cv2.INTER_AREA) for s in (48, 144))
    for strength in (3, 5):
        at_small = _change(small, corrupt(small, name, strength, 0, 0))
        spoiled = cv2.resize(
            corrupt(large, name, strength, 0, 0), (48, 48), interpolation=cv2.INTER_AREA
        )
        shrunk = cv2.resize(large, (48, 48), interpolation=cv2.INTER_AREA)
        assert _change(shrunk, spoiled) == pytest.approx(at_small, rel=0.35)


@pytest.mark.parametrize("name", sorted(CORRUPTIONS))
def test_a_grey_model_sees_colour_and_grey_suffer_alike(name: str, face: np.ndarray) -> None:
    grey = cv2.cvtColor(cv2.resize(face, (48, 48), interpolation=cv2.INTER_AREA), 6)
    coloured = cv2.resize(face, (144, 144), interpolation=cv2.INTER_AREA)
    for strength in (3, 5):
        spoiled = cv2.cvtColor(corrupt(coloured, name, strength, 0, 0), cv2.COLOR_BGR2GRAY)
        small = cv2.resize(spoiled, (48, 48), interpolation=cv2.INTER_AREA)
        change = _change(grey, corrupt(grey, name, strength, 0, 0))
        assert _change(grey, small) == pytest.approx(change, rel=0.35)


def test_jpeg_of_the_best_quality_is_no_blur(
    face: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    encode = cv2.imencode
    monkeypatch.setattr(
        cv2, "imencode", lambda kind, image, _: encode(kind, image, [cv2.IMWRITE_JPEG_QUALITY, 100])
    )
    small = cv2.resize(face, (48, 48), interpolation=cv2.INTER_AREA)
    assert _change(small, corrupt(small, "jpeg", 1, 0, 0)) < 1


def test_an_occlusion_grows_where_it_is() -> None:
    face = np.full((50, 50), 200, np.uint8)
    masks = [corrupt(face, "occlusion", s, 1, 7) != 200 for s in STRENGTHS]
    assert [mask.mean() for mask in masks] == pytest.approx([0.05, 0.1, 0.2, 0.3, 0.4], abs=0.02)
    assert all((later | first == later).mean() > 0.97 for first, later in pairwise(masks))


def test_a_stop_halves_the_light() -> None:
    grey = np.full((8, 8), 200, np.uint8)
    light = [(corrupt(grey, "dark", s, 0, 0)[0, 0] / 200) ** 2.2 for s in STRENGTHS]
    assert light == pytest.approx([2.0**-s for s in STRENGTHS], rel=0.05)


def test_faces_and_seeds_draw_for_themselves(face: np.ndarray) -> None:
    faces = single_labels("made/valid", ("neutral",), [face, face], [0, 0])
    both = corrupt_faces(faces, "noise", 3, 0, np.array([5, 6])).images
    assert not np.array_equal(both[0], both[1])
    other = corrupt_faces(faces, "noise", 3, 1, np.array([5, 6])).images
    assert not np.array_equal(both[0], other[0])
    # The place in the split counts, not the place in the part that is used.
    part = corrupt_faces(faces.subset(np.array([False, True])), "noise", 3, 0, np.array([6]))
    assert np.array_equal(part.images[0], both[1])

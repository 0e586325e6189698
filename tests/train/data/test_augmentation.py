"""Augmentation changes a face, never its kind."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from runtime.manifest import EMOTIONS, Preprocess
from train.data.augmentation import Augment, AugmentOptions
from train.data.batches import FaceDataset
from train.datasets.faces import FaceSet

ALL = AugmentOptions(blur=1.0, noise=1.0, low_resolution=1.0, erase=1.0)
NONE = AugmentOptions(rotate=0, shift=0, zoom=0, shear=0, light=0, blur=0, noise=0, erase=0)


def _face(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)


@pytest.mark.parametrize("shape", [(48, 48), (48, 48, 3), (61, 47), (200, 150, 3), (8, 8)])
def test_keeps_shape_and_dtype(shape: tuple[int, ...]) -> None:
    face = _face(*shape)
    before = face.copy()
    changed = Augment(ALL)(face, np.random.default_rng(1))
    assert changed.shape == shape
    assert changed.dtype == np.uint8
    assert changed.flags.c_contiguous
    assert (changed != face).any()
    np.testing.assert_array_equal(face, before)


def test_zero_strength_only_flips() -> None:
    face = _face(48, 48, 3)
    augment, rng = Augment(NONE), np.random.default_rng(1)
    for _ in range(8):
        changed = augment(face, rng)
        assert (changed == face).all() or (changed == face[:, ::-1]).all()


def test_borders_repeat_instead_of_going_black() -> None:
    augment, rng = Augment(AugmentOptions(light=0, noise=0, erase=0)), np.random.default_rng(1)
    for shape in ((48, 48), (64, 40, 3)):
        face = np.full(shape, 200, np.uint8)
        assert all((augment(face, rng) == 200).all() for _ in range(100))


def test_shift_is_a_fraction_of_the_side() -> None:
    augment, rng = Augment(replace(NONE, shift=0.25)), np.random.default_rng(1)
    face = np.zeros((80, 80), np.uint8)
    face[36:44, 36:44] = 255
    centres = np.array([np.argwhere(augment(face, rng) > 127).mean(0) for _ in range(200)])
    largest = np.abs(centres - 39.5).max(0)
    assert (largest <= 20.5).all()
    assert (largest > 17).all()


def test_a_roll_is_about_the_centre_and_no_larger_than_asked() -> None:
    augment, rng = Augment(replace(NONE, rotate=30)), np.random.default_rng(1)
    face = np.zeros((81, 81), np.uint8)
    face[38:43, 5:76] = 255
    angles = []
    for _ in range(100):
        y, x = np.nonzero(augment(face, rng) > 127)
        assert abs(x.mean() - 40) < 0.5
        assert abs(y.mean() - 40) < 0.5
        angles.append(np.degrees(np.arctan(np.polyfit(x, y, 1)[0])))
    assert 25 < max(angles) < 31
    assert -31 < min(angles) < -25


def test_light_keeps_to_its_range() -> None:
    augment, rng = Augment(replace(NONE, light=0.3)), np.random.default_rng(1)
    means = [augment(np.full((8, 8), 100, np.uint8), rng).mean() for _ in range(200)]
    assert 69 <= min(means) < 75
    assert 125 < max(means) <= 131


def test_a_hidden_patch_is_a_plain_rectangle_of_its_size() -> None:
    augment, rng = Augment(replace(NONE, erase=1.0)), np.random.default_rng(1)
    shades = set()
    for _ in range(50):
        changed = augment(np.full((48, 48, 3), 200, np.uint8), rng)
        hidden = changed != 200
        rows, columns = hidden.any((1, 2)), hidden.any((0, 2))
        assert hidden.sum() == rows.sum() * columns.sum() * 3
        assert 0.02 < hidden.mean() < 0.22
        assert len(np.unique(changed[hidden])) == 1
        shades.add(int(changed[hidden][0]))
    assert len(shades) > 30


def test_noise_is_mostly_weak_and_reaches_a_quarter_of_the_range() -> None:
    augment, rng = Augment(replace(NONE, noise=1.0)), np.random.default_rng(1)
    for shape in ((48, 48), (96, 96), (48, 48, 3)):
        face = np.full(shape, 128, np.uint8)
        spread = [augment(face, rng).std() for _ in range(200)]
        assert np.median(spread) < 20
        assert 45 < max(spread) < 66


def test_a_face_from_far_away_loses_what_is_fine_and_keeps_its_light() -> None:
    augment, rng = Augment(replace(NONE, low_resolution=1.0)), np.random.default_rng(1)
    face = _face(48, 48)
    for _ in range(50):
        changed = augment(face, rng)
        assert changed.std() < 0.7 * face.std()
        assert abs(changed.mean() - face.mean()) < 3


def test_a_faces_changes_depend_on_nothing_drawn_before() -> None:
    images = [_face(48, 48)] * 3
    faces = FaceSet("test", EMOTIONS, images, np.eye(8, dtype=np.float32)[:3], np.arange(3))
    data = FaceDataset(faces, Preprocess(size=48), Augment(AugmentOptions()), seed=5)
    first = [data[i][0] for i in range(3)]
    torch.manual_seed(99)
    state = torch.get_rng_state()
    assert all(torch.equal(data[i][0], first[i]) for i in (2, 0, 1))
    assert torch.equal(torch.get_rng_state(), state)
    # The same picture, changed in another way at another place.
    assert not torch.equal(first[0], first[1])

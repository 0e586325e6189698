"""Pictures that show no face: shape and type, repeatable, and their even targets."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from runtime.manifest import Preprocess
from train.data.augmentation import Augment, AugmentOptions
from train.data.batches import FaceDataset
from train.data.out_of_distribution import make_out_of_distribution
from train.datasets.faces import FaceSet


@given(
    height=st.integers(4, 70),
    width=st.integers(4, 70),
    colour=st.booleans(),
    seed=st.integers(0, 2**32),
)
def test_a_sample_has_the_faces_shape_and_leaves_it_alone(
    height: int, width: int, colour: bool, seed: int
) -> None:
    shape = (height, width, 3) if colour else (height, width)
    face = np.random.default_rng(1).integers(0, 256, shape, np.uint8)
    before = face.copy()
    made = make_out_of_distribution(face, np.random.default_rng(seed))
    assert (made.shape, made.dtype) == (shape, np.uint8)
    assert made.flags.c_contiguous
    np.testing.assert_array_equal(face, before)
    np.testing.assert_array_equal(made, make_out_of_distribution(face, np.random.default_rng(seed)))


def test_kinds_differ() -> None:
    face = np.random.default_rng(1).integers(0, 256, (48, 48), np.uint8)
    made = {
        make_out_of_distribution(face, np.random.default_rng(seed)).tobytes() for seed in range(20)
    }
    assert len(made) == 20
    assert face.tobytes() not in made


@pytest.mark.parametrize("part", [0.0, 0.3])
def test_their_part_of_a_training_set_has_even_targets(part: float) -> None:
    votes = np.tile(np.array([[9, 1, 0, 0]], np.float32), (400, 1))
    labels = ("neutral", "happiness", "surprise", "sadness")
    images = list(np.full((400, 48, 48), 90, np.uint8))
    faces = FaceSet("faces", labels, images, votes, np.zeros(400, np.int64))
    plain = AugmentOptions(*[0.0] * len(vars(AugmentOptions())))
    data = FaceDataset(faces, Preprocess(size=32), Augment(plain), 5, part)
    samples = [data[i] for i in range(len(data))]
    even = [bool((targets == 0.25).all()) for _, targets, _ in samples]
    # Four standard deviations of a binomial draw.
    assert abs(sum(even) - 400 * part) <= 4 * (400 * part * (1 - part)) ** 0.5
    assert [majority == -1 for _, _, majority in samples] == even
    flat = [bool((inputs == inputs.flatten()[0]).all()) for inputs, _, _ in samples]
    # A patch or the tiles of a flat face are flat themselves.
    assert all(f for f, sample in zip(flat, even, strict=True) if not sample)
    assert all(flat) == (part == 0)
    # Validation, which is not augmented, has none.
    assert all(FaceDataset(faces, Preprocess(size=32), None, 5, part)[i][2] == 0 for i in range(50))


def test_weights_of_the_loss_leave_uncertainty_even() -> None:
    votes = np.tile(np.array([[9, 1, 0, 0], [0, 0, 5, 5]], np.float32), (20, 1))
    labels = ("neutral", "happiness", "surprise", "sadness")
    images = list(np.full((40, 48, 48), 90, np.uint8))
    faces = FaceSet("faces", labels, images, votes, np.zeros(40, np.int64))
    weights = np.array([0.2, 3, 1, 1.5], np.float32)
    plain = Augment(AugmentOptions(*[0.0] * len(vars(AugmentOptions()))))
    data = FaceDataset(faces, Preprocess(size=32), plain, 5, 1.0, weights)
    logits = torch.zeros(1, 4, requires_grad=True)
    loss = functional.cross_entropy(logits, data[0][1][None], torch.from_numpy(weights))
    loss.backward()
    # Even probabilities are where the loss is least.
    torch.testing.assert_close(logits.grad, torch.zeros(1, 4), atol=1e-6, rtol=0)

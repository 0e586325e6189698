"""Batches hold the faces that were asked for, in every process its share."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_class_weight

from runtime.manifest import EMOTIONS, Preprocess
from train.data.augmentation import AugmentOptions
from train.data.batches import FaceData, LoaderOptions, class_weights
from train.datasets.faces import FaceSet, single_labels


def _faces(classes: list[int]) -> FaceSet:
    labels = EMOTIONS[: max(classes) + 1]
    images = [np.full((16, 16), i % 256, np.uint8) for i in range(len(classes))]
    return single_labels("test", labels, images, classes)


def _data(faces: FaceSet, batch: int = 4, **changes: object) -> FaceData:
    spec, augment = Preprocess(size=16), AugmentOptions()
    loader = LoaderOptions(batch, seed=1, **changes)  # type: ignore[arg-type]
    return FaceData(faces, faces, spec, augment, loader)


@given(st.lists(st.integers(0, 3), min_size=20, max_size=60))
def test_whole_weights_are_scikit_learns_balanced(rare: list[int]) -> None:
    classes = [0, 1, 2, 3, *rare]
    ours = class_weights(_faces(classes), 1.0)
    theirs = compute_class_weight("balanced", classes=np.arange(4), y=classes)
    np.testing.assert_allclose(ours, theirs, rtol=1e-5)


def test_the_mean_weight_of_a_face_is_one() -> None:
    classes = [0] * 30 + [1] * 9 + [2]
    for power in (0.0, 0.3, 0.5, 1.0):
        weights = class_weights(_faces(classes), power)
        assert weights[classes].mean() == pytest.approx(1)
    assert (class_weights(_faces(classes), 0.0) == 1).all()
    half, whole = (class_weights(_faces(classes), power) for power in (0.5, 1.0))
    assert half[2] / half[0] == pytest.approx(30**0.5)
    assert whole[2] / whole[0] == pytest.approx(30)


def test_balanced_sampling_draws_each_class_equally_often() -> None:
    classes = [0] * 900 + [1] * 90 + [2] * 10
    loader = _data(_faces(classes), 50, balanced_sampling=True).train_dataloader()
    drawn = torch.cat([majority for _, _, majority in loader])
    assert len(drawn) == 1000
    assert torch.bincount(drawn).tolist() == pytest.approx([333, 333, 333], abs=60)


def test_a_face_that_is_drawn_again_looks_different() -> None:
    labels = [0] * 95 + [1] * 5
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (16, 16)).astype(np.uint8) for _ in labels]
    loader = _data(single_labels("test", EMOTIONS[:2], images, labels), balanced_sampling=True)
    batches = list(loader.train_dataloader())
    rare = [
        inputs.numpy().tobytes()
        for batch, _, majority in batches
        for inputs, label in zip(batch, majority, strict=True)
        if label == 1
    ]
    assert len(rare) > 30
    assert len(set(rare)) == len(rare)


@pytest.mark.parametrize("count", [24, 25, 31])
def test_processes_share_an_epoch_without_overlap(count: int) -> None:
    data = _data(_faces([i % 3 for i in range(count)]))
    shares = []
    for rank in range(3):
        data.trainer = SimpleNamespace(  # type: ignore[assignment]
            current_epoch=2, global_rank=rank, world_size=3
        )
        shares.append(list(data.train_dataloader().sampler))
    assert {len(share) for share in shares} == {count // 3}
    together = [i for share in shares for i in share]
    assert len(set(together)) == len(together)


def test_an_epochs_order_is_its_own_and_repeats() -> None:
    data = _data(_faces([i % 3 for i in range(40)]))
    orders = []
    for epoch in (0, 1, 0):
        data.trainer = SimpleNamespace(  # type: ignore[assignment]
            current_epoch=epoch, global_rank=0, world_size=1
        )
        orders.append(list(data.train_dataloader().sampler))
    assert orders[0] == orders[2] != orders[1]
    assert sorted(orders[1]) == list(range(40))

"""Targets from teachers: the mixture itself, and teachers that don't fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from runtime.errors import UserError
from runtime.manifest import Manifest, Preprocess
from train.checkpoint import save_checkpoint
from train.datasets.faces import FaceSet
from train.fit.distillation import distill, open_teachers
from train.models.emotion_net import EmotionNet, ModelOptions

LABELS = ("neutral", "happiness", "surprise")


def teacher(path: Path, labels: tuple[str, ...], logits: list[float]) -> Path:
    """A checkpoint that gives the same logits to every face."""
    options = ModelOptions(backbone="test_resnet", model_type="baseline")
    net = EmotionNet(options, len(labels))
    torch.nn.init.zeros_(net.head.weight)
    with torch.no_grad():
        net.head.bias.copy_(torch.tensor(logits))
    manifest = Manifest(labels=labels, preprocess=Preprocess(size=32), model=net.describe())
    save_checkpoint(path, net.state_dict(), manifest)
    return path


@pytest.fixture
def faces() -> FaceSet:
    votes = np.array([[8, 2, 0], [0, 0, 10], [1, 1, 2]], np.float32)
    images = list(np.full((3, 48, 48), 90, np.uint8))
    return FaceSet("faces", LABELS, images, votes, np.array([0, 2, -1]), 48, True)


def test_targets_are_votes_and_the_mean_teacher(tmp_path: Path, faces: FaceSet) -> None:
    # One says (1/2, 1/4, 1/4); the other (0, 0, 1), once sadness, which isn't asked, is left out.
    first = teacher(tmp_path / "a.safetensors", LABELS, [np.log(2.0), 0.0, 0.0])
    second = teacher(tmp_path / "b.safetensors", (*LABELS, "sadness"), [-99.0, -99.0, 9.0, 9.0])
    mixed = distill(faces, open_teachers([first, second], LABELS), 0.4)
    teachers = np.array([0.25, 0.125, 0.625])
    np.testing.assert_allclose(mixed.votes, 0.6 * faces.targets() + 0.4 * teachers, atol=1e-6)
    np.testing.assert_allclose(mixed.targets().sum(1), 1, atol=1e-6)
    assert mixed.votes.dtype == np.float32
    np.testing.assert_array_equal(mixed.majority, faces.majority)
    alone = distill(faces, open_teachers([first], LABELS), 0.0)
    np.testing.assert_allclose(alone.targets(), faces.targets(), atol=1e-6)


def test_a_teacher_that_lacks_a_class_is_refused(tmp_path: Path) -> None:
    path = teacher(tmp_path / "a.safetensors", LABELS[:2], [0.0, 0.0])
    with pytest.raises(UserError, match=r"--teacher .*a.safetensors: it does not know surprise"):
        open_teachers([path], LABELS)
    with pytest.raises(UserError, match="no such checkpoint"):
        open_teachers([tmp_path / "none.safetensors"], LABELS)

"""A checkpoint and a face that the tests of this folder share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from runtime.manifest import Manifest, Preprocess
from train.checkpoint import save_checkpoint
from train.models.emotion_net import EmotionNet, ModelOptions

SIZE = 64


LABELS = ("neutral", "happiness", "anger")


def save_network(path: Path, model_type: str) -> Path:
    torch.manual_seed(1)
    net = EmotionNet(ModelOptions("test_resnet", model_type, lstm_hidden=8), len(LABELS))
    manifest = Manifest(
        LABELS, Preprocess(size=SIZE, detail=48), temperature=1.7, model=net.describe()
    )
    save_checkpoint(path, net.state_dict(), manifest)
    return path


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_network(tmp_path_factory.mktemp("explain") / "full.safetensors", "full")


@pytest.fixture(scope="module")
def face() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (57, 57, 3)).astype(np.uint8)

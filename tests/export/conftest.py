"""Untrained networks to export, and one thread: pools that wait for a busy core take seconds."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from runtime.manifest import Manifest, Preprocess
from train.checkpoint import save_checkpoint
from train.models.emotion_net import EmotionNet, ModelOptions


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    torch.set_num_threads(1)


def _save(path: Path, size: int, **options: object) -> Path:
    torch.manual_seed(0)
    net = EmotionNet(ModelOptions(**options), 8)  # type: ignore[arg-type]
    manifest = Manifest(
        preprocess=Preprocess(size=size),
        temperature=1.5,
        model=net.describe(),
        metrics={"valid": {"n": 3, "accuracy": 0.5}},
        tools={"torch": "0"},
    )
    save_checkpoint(path, net.state_dict(), manifest)
    return path


@pytest.fixture(scope="session")
def full_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole architecture on the shipped backbone, with a small BiLSTM."""
    path = tmp_path_factory.mktemp("full") / "best.safetensors"
    return _save(path, 64, lstm_hidden=16)


@pytest.fixture(scope="session")
def small_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The quickest network to trace."""
    path = tmp_path_factory.mktemp("small") / "best.safetensors"
    return _save(path, 32, backbone="test_resnet", model_type="baseline")

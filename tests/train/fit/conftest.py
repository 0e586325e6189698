"""A tiny training that the tests of this folder share."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import torch

from train.fit.command import main
from train.fit.module import EmotionModule

Fit = Callable[..., Path]


@contextmanager
def ended_by(error: BaseException, epoch: int) -> Iterator[None]:
    """Raises an error in the second step of an epoch of whatever trains inside the block."""
    step = EmotionModule.training_step

    def failing(self: EmotionModule, batch: Any, index: int) -> torch.Tensor:
        if self.current_epoch == epoch and index == 1:
            raise error
        return step(self, batch, index)

    # Lightning leaves Ctrl-C switched off behind it.
    handler = signal.getsignal(signal.SIGINT)
    with patch.object(EmotionModule, "training_step", failing):
        yield
    signal.signal(signal.SIGINT, handler)


@pytest.fixture(scope="module")
def fit(tmp_path_factory: pytest.TempPathFactory, write_ferplus: Callable[..., None]) -> Fit:
    """Trains a tiny network on tiny data into a folder; returns the folder."""
    root = tmp_path_factory.mktemp("fit")
    votes = [[9 if column == i % 3 else 1 for column in range(8)] + [0, 0] for i in range(12)]
    write_ferplus(root, "train", votes)
    write_ferplus(root, "valid", votes[:6])
    shared = (
        "--backbone test_resnet --lstm_hidden 8 --image_size 32 --batch_size 4 --threads 1 "
        "--learning_rate 1e-3 --seed 3"
    )

    def train(name: str, *flags: str) -> Path:
        folder = root / name
        places = ["--data_dir", str(root), "--checkpoint_dir", str(folder)]
        places += ["--log_dir", str(root / "logs" / name)]
        assert main([*places, *shared.split(), *flags]) == 0
        return folder

    return train

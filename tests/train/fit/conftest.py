"""A tiny training that the tests of this folder share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from train.fit.command import main

Fit = Callable[..., Path]


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

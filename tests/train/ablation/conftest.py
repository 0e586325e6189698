"""A tiny ablation that the tests of this folder share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from train.ablation.options import AblationOptions


@pytest.fixture
def options(tmp_path: Path, write_ferplus: Callable[..., None]) -> AblationOptions:
    votes = [[9 if column == i % 3 else 1 for column in range(8)] + [0, 0] for i in range(12)]
    for split in ("train", "valid"):
        write_ferplus(tmp_path / "data", split, votes)
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        "backbone: test_resnet\nlstm_hidden: 8\nimage_size: 32\nbatch_size: 4\nlearning_rate: 1e-3"
    )
    return AblationOptions(
        data_dir=str(tmp_path / "data"),
        output_dir=str(tmp_path / "out"),
        recipe=str(recipe),
        epochs=1,
        seeds=2,
        variants=["baseline", "full", "full_unweighted"],
        threads=1,
    )

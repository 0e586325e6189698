"""FER+ data of seven faces that the tests of this folder share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

# Majorities: neutral, happiness, surprise, neutral, none, happiness, contempt.
VOTES = [
    [8, 2, 0, 0, 0, 0, 0, 0, 0, 0],
    [0, 9, 1, 0, 0, 0, 0, 0, 0, 0],
    [2, 0, 8, 0, 0, 0, 0, 0, 0, 0],
    [10, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    [5, 5, 0, 0, 0, 0, 0, 0, 0, 0],
    [3, 7, 0, 0, 0, 0, 0, 0, 0, 0],
    [2, 0, 0, 0, 0, 0, 0, 8, 0, 0],
]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, write_ferplus: Callable[..., None]) -> Path:
    """FER+ whose validation faces 0 to 3 stand in the training split as well."""
    folder = tmp_path_factory.mktemp("data")
    write_ferplus(folder, "valid", VOTES)
    write_ferplus(folder, "train", VOTES[:4])
    return folder

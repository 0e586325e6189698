"""What is common to all data sets: how they are asked for, and refused."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from runtime.errors import UserError
from train.datasets.catalogue import DATASETS, SPLITS, load_faces


def test_wrong_place_or_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"--data_dir .*no such folder"):
        load_faces(tmp_path / "none", "ferplus", "valid")
    with pytest.raises(UserError, match="--split must be one of"):
        load_faces(tmp_path, "ferplus", "validation")
    with pytest.raises(UserError, match="--dataset must be one of"):
        load_faces(tmp_path, "imagenet", "valid")


@pytest.mark.parametrize("dataset", DATASETS)
@pytest.mark.parametrize("split", SPLITS)
def test_an_empty_folder_is_one_line(tmp_path: Path, dataset: str, split: str) -> None:
    with pytest.raises(UserError) as caught:
        load_faces(tmp_path, dataset, split)
    assert "\n" not in str(caught.value)
    assert str(tmp_path) in str(caught.value) or "no test part is published" in str(caught.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="needs a user other than root")
def test_a_list_that_may_not_be_read_is_one_line(
    tmp_path: Path, write_ferplus: Callable[..., None]
) -> None:
    write_ferplus(tmp_path, "valid", [[9] + [0] * 9])
    (tmp_path / "ferplus_valid.csv").chmod(0)
    with pytest.raises(UserError, match=r"ferplus_valid\.csv: Permission denied"):
        load_faces(tmp_path, "ferplus", "valid")

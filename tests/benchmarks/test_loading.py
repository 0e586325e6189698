import json

import cv2
import numpy as np
import pytest

from benchmarks.harness.results import read_report
from benchmarks.loading import main
from benchmarks.regression.compared_figures import KINDS
from runtime.support.cli import run_command


@pytest.fixture
def folder(tmp_path):
    """Twelve faces of three classes, and a recipe for them."""
    rng = np.random.default_rng(0)
    for index in range(12):
        place = tmp_path / "train" / ("neutral", "happiness", "fear")[index % 3] / f"{index}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(place), rng.integers(0, 256, (40, 40, 3), np.uint8))
    (tmp_path / "recipe.yaml").write_text(
        "backbone: test_resnet\nlstm_hidden: 8\nimage_size: 32\nbatch_size: 4\n"
    )
    return tmp_path


def test_every_rate_is_measured(folder, capsys):
    flags = ["--data_dir", str(folder), "--dataset", "folder", "--rounds", "2", "--steps", "3"]
    out = folder / "figures.json"
    recipe = ["--recipe", str(folder / "recipe.yaml"), "--output_json", str(out)]
    assert run_command(main, [*flags, *recipe]) == 0
    figures = json.loads(out.read_text())
    assert (figures["batch_size"], figures["image_size"]) == (4, 32)
    rates = [value for name, value in figures.items() if name.endswith("per_s")]
    assert len(rates) == 3
    assert min(rates) > 0
    found = list(KINDS["loading"].figures(read_report(out)))
    assert [len(one.values) for one in found] == [2, 2]
    assert found[0].row == "test_resnet, 32 px, batch 4"


def test_too_few_faces_are_one_line(folder, capsys):
    flags = ["--data_dir", str(folder), "--dataset", "folder", "--steps", "3"]
    assert run_command(main, flags) == 2
    assert "12 faces are too few for --steps 3 of 64" in capsys.readouterr().err

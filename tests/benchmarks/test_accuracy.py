"""A table of artifacts and data sets, in which what fails is a row of its own."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.accuracy import main
from benchmarks.harness.results import read_report
from benchmarks.regression.compared_figures import KINDS
from runtime.support.cli import run_command


@pytest.fixture
def folder(tmp_path: Path, face: np.ndarray) -> Path:
    """Six faces that a detector finds, of two classes."""
    for index in range(6):
        place = tmp_path / "data" / "valid" / ("neutral", "happiness")[index % 2] / f"{index}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(place), cv2.convertScaleAbs(face, alpha=1 - 0.05 * index))
    return tmp_path / "data"


def test_the_table(tiny_engine: Path, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.json"
    flags = ["--data_dir", folder, "--dataset", "folder", "--engine", tiny_engine, "/nope.onnx"]
    more = ["--through_detection", "--corruptions", "--output_json", out]
    assert run_command(main, [str(a) for a in [*flags, *more]]) == 0
    figures = json.loads(out.read_text())
    good, bad = figures["rows"]
    assert good["engine"] == tiny_engine.name
    assert good["n"] == 6
    low, high = good["accuracy_95"]
    assert low <= good["accuracy"] <= high
    assert 0 <= good["ece"] <= 1
    assert good["corruptions"]["n"] == 6
    assert good["through_detection"]["detected"] == 1
    through = good["through_detection"]
    assert through["end_to_end"] == pytest.approx(through["accuracy_through_detection"])
    assert "no such file" in bad["error"]
    found = {one.name: one for one in KINDS["accuracy"].figures(read_report(out))}
    assert set(found) == {"accuracy", "corrupted", "through detection"}
    for name, part in (
        ("accuracy", good["accuracy"]),
        ("corrupted", good["corruptions"]["mean"]),
        ("through detection", through["end_to_end"]),
    ):
        assert np.mean(found[name].values) == pytest.approx(part, abs=1e-3)


def test_a_model_that_has_become_worse_is_exit_code_1(
    tiny_engine: Path, folder: Path, tmp_path: Path, capsys
) -> None:
    out = tmp_path / "a.json"
    flags = ["--data_dir", str(folder), "--dataset", "folder", "--engine", str(tiny_engine)]
    assert run_command(main, [*flags, "--output_json", str(out)]) == 0
    assert run_command(main, [*flags, "--compare", str(out)]) == 0
    assert "same    tiny.onnx, data/valid, accuracy: +0 (+0 to +0), in pairs" in (
        capsys.readouterr().out
    )
    old = json.loads(out.read_text())
    old["rows"][0]["samples"]["right"] = "111111"
    out.write_text(json.dumps(old))
    assert run_command(main, [*flags, "--compare", str(out)]) == 1
    assert "worse   tiny.onnx, data/valid, accuracy: -" in capsys.readouterr().out


def test_other_labels_are_a_row(tiny_engine: Path, make_onnx, folder: Path, tmp_path: Path) -> None:
    from dataclasses import replace

    from tests.conftest import TINY

    other = make_onnx(manifest=replace(TINY, labels=("anger", "fear")), classes=2)
    out = tmp_path / "a.json"
    flags = ["--data_dir", folder, "--dataset", "folder", "--engine", other, tiny_engine]
    assert run_command(main, [str(a) for a in [*flags, "--output_json", out]]) == 0
    bad, good = json.loads(out.read_text())["rows"]
    assert "majority" in bad["error"]
    assert good["n"] == 6


def test_nothing_that_works_is_exit_code_2(tiny_engine: Path, folder: Path, capsys) -> None:
    data = ["--data_dir", str(folder), "--dataset", "folder"]
    assert run_command(main, [*data, "--engine", "/nope.onnx"]) == 2
    assert "error: nothing could be measured: " in capsys.readouterr().err
    assert run_command(main, ["--data_dir", "/nope", "--engine", str(tiny_engine)]) == 2
    assert "no such folder" in capsys.readouterr().err


def test_layouts_must_match_the_folders(folder: Path, capsys) -> None:
    flags = ["--data_dir", str(folder), "a", "b", "--dataset", "folder", "ferplus"]
    assert run_command(main, flags) == 2
    assert "2 layouts for 3 folders" in capsys.readouterr().err

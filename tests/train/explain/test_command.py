"""Heat lies where the evidence is, numbers are the runtime's own, files never collide."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from runtime.support.cli import run_command
from tests.conftest import PORTRAIT
from train.explain.command import main


def explain(*argv: object) -> int:
    return run_command(main, [str(a) for a in argv])


def test_a_picture_for_each_face_and_none_for_none(
    tmp_path: Path, checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    blank, out = tmp_path / "blank.png", tmp_path / "out"
    cv2.imwrite(str(blank), np.full((200, 200), 128, np.uint8))
    assert explain(blank, PORTRAIT, "--checkpoint", checkpoint, "--output_dir", out) == 0
    said = capsys.readouterr().out
    assert f"{blank}: no face" in said
    (path,) = out.iterdir()
    assert path.name == "astronaut_face1.png"
    assert str(path) in said
    assert cv2.imread(str(path)).shape == (320, 1040, 3)
    assert path.stat().st_size < 200_000


def test_names_never_collide_nor_replace_an_input(
    tmp_path: Path, checkpoint: Path, face: np.ndarray
) -> None:
    inputs = [tmp_path / "a" / "x.jpg", tmp_path / "b" / "x.jpg", tmp_path / "b" / "x_2.png"]
    inputs += [tmp_path / "o" / "y.png", tmp_path / "o" / "y_face1.png"]
    for path in inputs:
        path.parent.mkdir(exist_ok=True)
        cv2.imwrite(str(path), face)
    before = {p: p.read_bytes() for p in inputs}
    flags = ("--face_crops", "--checkpoint", checkpoint, "--output_dir", tmp_path / "o")
    assert explain(*inputs, *flags) == 0
    assert {p: p.read_bytes() for p in inputs} == before
    made = {p.name for p in (tmp_path / "o").iterdir()} - {p.name for p in inputs}
    assert made == {
        *("x_face1.png", "x_2_face1.png", "x_2_2_face1.png"),
        *("y_2_face1.png", "y_face1_face1.png"),
    }


def test_one_bad_picture_costs_only_itself(
    tmp_path: Path, checkpoint: Path, face: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.jpg").write_text("no")
    cv2.imwrite(str(tmp_path / "good.png"), face)
    out = tmp_path / "out"
    assert explain(tmp_path, "--face_crops", "--checkpoint", checkpoint, "--output_dir", out) == 2
    assert [p.name for p in out.iterdir()] == ["good_face1.png"]
    said = capsys.readouterr().err
    assert "skipped:" in said
    assert "bad.jpg" in said
    assert said.endswith("error: 1 of the pictures could not be read (see above)\n")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--checkpoint", "m.onnx"], "no gradients; name the checkpoint it came from"),
        (["--checkpoint", "m.plan"], "no gradients; name the checkpoint it came from"),
        (["--checkpoint", "none.safetensors"], "none.safetensors: no such checkpoint"),
        (["--target", "joy"], "invalid choice: 'joy'"),
        (["--target", "fear"], "--target fear: the model knows neutral, happiness, anger"),
        (["--output_dir", str(PORTRAIT)], "can't make its folder"),
        (["{empty}"], "no picture in this folder"),
    ],
)
def test_mistakes_are_told_in_one_line(
    tmp_path: Path,
    checkpoint: Path,
    capsys: pytest.CaptureFixture[str],
    flags: list[str],
    message: str,
) -> None:
    (tmp_path / "empty").mkdir()
    given = [flag.format(empty=tmp_path / "empty") for flag in flags]
    usual = ["--checkpoint", str(checkpoint), "--output_dir", str(tmp_path / "out")]
    assert explain(PORTRAIT, *usual, *given) == 2
    said = capsys.readouterr()
    assert message in said.err
    assert said.err.count("\n") == 1
    assert not said.out


def test_names_reach_the_terminal_escaped(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a\x1b[2J.png").write_bytes(PORTRAIT.read_bytes())
    (tmp_path / "b\x1b[2J.png").write_text("no picture")
    folder = tmp_path / "out"
    assert explain(tmp_path, "--checkpoint", checkpoint, "--output_dir", folder, "--face_crops")
    said = capsys.readouterr()
    assert "a\\x1b[2J.png: face 1" in said.out
    assert "skipped" in said.err
    assert "\x1b" not in said.out + said.err

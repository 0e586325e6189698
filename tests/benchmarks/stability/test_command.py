"""The command on made faces; flips and delays by hand are in tests/train/temporal."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.stability.command import main
from runtime.support.cli import run_command
from tests.conftest import write_video


def test_sequences_and_clips(
    tiny_engine: Path, tmp_path: Path, portrait: np.ndarray, capsys
) -> None:
    import cv2

    rng = np.random.default_rng(0)
    for name in ("neutral", "happiness"):
        folder = tmp_path / "data" / "valid" / name
        folder.mkdir(parents=True)
        cv2.imwrite(str(folder / "a.png"), rng.integers(0, 256, (48, 48)).astype(np.uint8))
    clip, out = tmp_path / "clip.mp4", tmp_path / "out.json"
    write_video(clip, [portrait] * 6)
    flags = ["--data_dir", str(tmp_path / "data"), "--dataset", "folder", "--sequences", "3"]
    more = ["--seconds", "1", "--engine", str(tiny_engine), "--clip", str(clip)]
    assert main([*flags, *more, "--output_json", str(out)]) == 0
    figures = json.loads(out.read_text())
    assert figures["sequences"]["n"] == 3
    assert figures["sequences"]["minutes"] == 0.1
    assert set(figures["sequences"]["raw"]) == {"flips_per_minute", "accuracy"}
    assert figures["clips"][0]["raw_flips_per_minute"] is not None
    broken = tmp_path / "empty.mp4"
    broken.write_bytes(b"")
    again = ["--seconds", "1", "--engine", str(tiny_engine), "--clip", str(broken)]
    assert main([*flags, *again, "--compare", str(out)]) == 0
    shown = capsys.readouterr()
    assert "empty.mp4: not measured: " in shown.err
    assert shown.out.count("same    tiny.onnx, sequences, ") >= 2
    assert shown.out.count(", in pairs") >= 2


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "--data_dir or --clip is required"),
        (["--clip", "/nope.mp4"], "/nope.mp4"),
        (["--clip", "a.mp4", "--compare", "b.json"], "--compare needs --data_dir"),
    ],
)
def test_nothing_to_measure_is_one_line(flags: list[str], message: str, capsys) -> None:
    assert run_command(main, flags) == 2
    assert message in capsys.readouterr().err.splitlines()[-1]


def test_faces_of_one_label_make_no_sequence(tmp_path: Path, tiny_engine: Path, capsys) -> None:
    import cv2

    (tmp_path / "valid" / "fear").mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "valid" / "fear" / "a.png"), np.zeros((48, 48), np.uint8))
    flags = ["--data_dir", str(tmp_path), "--dataset", "folder", "--engine", str(tiny_engine)]
    assert run_command(main, flags) == 2
    assert "sequences need faces of two labels" in capsys.readouterr().err

"""Pictures are checked once; what can't be read is counted, and never ends a run at once."""

from __future__ import annotations

import os
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest

from runtime.errors import UserError
from tests.train.datasets.conftest import WritePicture
from train import progress
from train.datasets import pictures
from train.datasets.pictures import load_pictures


@pytest.fixture
def files(tmp_path: Path, write_picture: WritePicture) -> list[Path]:
    return [write_picture(tmp_path / f"{i}.png", 10 * i, (20, 20, 3)) for i in range(12)]


def _values(faces: pictures.Pictures) -> list[int]:
    return [int(face.flat[0]) for face in faces]


@pytest.mark.parametrize("memory", [0, 5 * 1200, 1 << 30])
def test_faces_are_the_same_in_memory_and_on_the_disk(
    files: list[Path], monkeypatch: pytest.MonkeyPatch, memory: int
) -> None:
    monkeypatch.setattr(pictures, "MEMORY", memory)
    faces, kept = load_pictures("set", files)
    assert kept.tolist() == list(range(12))
    assert _values(faces) == [10 * i for i in range(12)]
    assert sum(face is not None for face in faces.held) == min(memory // 1200, 12)
    assert [int(face.flat[0]) for face in faces[9:]] == [90, 100, 110]
    assert faces[-1].shape == (20, 20, 3)
    assert faces[np.int64(3)].flat[0] == 30
    with pytest.raises(IndexError):
        faces[12]
    # A side is only claimed where every face was seen.
    assert faces.side == (20 if memory > 12 * 1200 else 0)
    # Loader processes get a copy.
    assert _values(pickle.loads(pickle.dumps(faces))) == _values(faces)
    grey, _ = load_pictures("set", files, grey=True)
    assert grey[4].shape == (20, 20)


@pytest.mark.parametrize("memory", [0, 1 << 30])
@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_broken_files_are_skipped_and_counted(
    tmp_path: Path,
    write_picture: WritePicture,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    memory: int,
    suffix: str,
) -> None:
    monkeypatch.setattr(pictures, "MEMORY", memory)
    files = [write_picture(tmp_path / f"{i}{suffix}", 10 * i, (64, 64, 3)) for i in range(6)]
    files[1].write_bytes(b"")
    files[3].write_bytes(files[3].read_bytes()[: files[3].stat().st_size // 2])
    files[4].write_bytes(b"<html>not found</html>")
    faces, kept = load_pictures("set", files)
    assert kept.tolist() == [0, 2, 5]
    assert _values(faces) == [0, 20, 50]
    said = [line for line in capfd.readouterr().err.splitlines() if "libpng" not in line]
    assert said == [f"set: skipped 3 of 6 faces, unreadable pictures; the first: {files[1]}"]


def test_nothing_readable_is_refused(files: list[Path]) -> None:
    for file in files:
        file.write_bytes(b"x")
    with pytest.raises(UserError, match="set: holds no readable pictures"):
        load_pictures("set", files)
    with pytest.raises(UserError, match="set: holds no readable pictures"):
        load_pictures("set", [])


def test_a_few_lost_files_are_said_and_many_stop_the_run(
    files: list[Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pictures, "MEMORY", 0)
    monkeypatch.setattr(pictures, "_WAITS", (0.0,))
    monkeypatch.setattr(pictures, "_LOST", 2)
    faces, _ = load_pictures("set", files)
    for file in files[:3]:
        file.unlink()
    for _ in range(2):
        for face in faces[:2]:
            assert face.shape == (64, 64, 3)
            assert (face == 128).all()
    said = capsys.readouterr().err.splitlines()
    assert said == [
        f"set: {file} can't be read any more; a grey square stands in for it" for file in files[:2]
    ]
    assert faces[5].flat[0] == 50
    with pytest.raises(UserError, match=r"2\.png can't be read any more, nor can 2 others"):
        faces[2]


def test_a_disk_that_answers_again_is_waited_for(
    files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "MEMORY", 0)
    faces, _ = load_pictures("set", files)
    data = files[7].read_bytes()
    files[7].unlink()
    monkeypatch.setattr(pictures.time, "sleep", lambda wait: wait and files[7].write_bytes(data))
    assert faces[7].flat[0] == 70


def test_long_reading_shows_progress(
    files: list[Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "DELAY_S", 0.0)
    load_pictures("set", files)
    said = capsys.readouterr().err
    assert "set: 100%" in said
    assert "12/12" in said


def test_a_pipe_and_a_huge_picture_are_no_faces(tmp_path: Path) -> None:
    pipe, bomb = tmp_path / "pipe.png", tmp_path / "bomb.bmp"
    os.mkfifo(pipe)
    bomb.write_bytes(b"BM" + bytes(12) + struct.pack("<IiiHH", 40, 60_000, 60_000, 1, 24))
    assert pictures.read_face(pipe) is None
    assert pictures.read_face(bomb) is None

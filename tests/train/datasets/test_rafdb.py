"""RAF-DB: its own numbers, its aligned pictures, and two parts that must not be mixed up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from runtime.errors import UserError
from runtime.manifest import EMOTIONS
from tests.train.datasets.conftest import WritePicture
from train.datasets.catalogue import load_faces

BASIC = ["surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral"]


def _write(root: Path, write_picture: WritePicture, classes: int) -> Path:
    """Two training and one test face of each class; returns the list."""
    lines = []
    for number in range(1, classes + 1):
        for name in (f"train_{number:05d}", f"train_1{number:04d}", f"test_{number:04d}"):
            lines.append(f"{name}.jpg {number}")
            path = root / "Image" / "aligned" / f"{name}_aligned.jpg"
            write_picture(path, 10 * number, (100, 100, 3))
    table = root / "EmoLabel" / "list_patition_label.txt"
    table.parent.mkdir(parents=True)
    table.write_text("\n".join(lines) + "\n")
    return table


@pytest.mark.parametrize("inner", [False, True])
def test_basic(
    tmp_path: Path,
    write_picture: WritePicture,
    capsys: pytest.CaptureFixture[str],
    inner: bool,
) -> None:
    _write(tmp_path / "basic", write_picture, 7)
    root = tmp_path / "basic" if inner else tmp_path
    faces = load_faces(root, "rafdb", "train")
    assert faces.name == "rafdb/train"
    assert faces.labels == EMOTIONS[:-1]
    assert len(faces) == 14
    assert faces.detail == 100
    assert not faces.soft
    assert capsys.readouterr().err == ""
    for image, majority in zip(faces.images, faces.majority, strict=True):
        number = round(float(image.mean()) / 10)
        assert faces.labels[majority] == BASIC[number - 1]


def test_valid_is_the_test_part_and_says_so(
    tmp_path: Path, write_picture: WritePicture, capsys: pytest.CaptureFixture[str]
) -> None:
    _write(tmp_path / "basic", write_picture, 7)
    valid = load_faces(tmp_path, "rafdb", "valid")
    assert "no validation part, the test part stands in" in capsys.readouterr().err
    test = load_faces(tmp_path, "rafdb", "test")
    assert capsys.readouterr().err == ""
    assert valid.name == test.name == "rafdb/test"
    assert valid.majority.tolist() == test.majority.tolist()
    assert len(valid) == 7


def test_compound_is_half_a_vote_for_each_of_two(
    tmp_path: Path, write_picture: WritePicture
) -> None:
    _write(tmp_path / "compound", write_picture, 11)
    faces = load_faces(tmp_path, "rafdb_compound", "train")
    assert faces.labels == EMOTIONS[1:-1]
    assert len(faces) == 22
    assert faces.soft
    assert (faces.majority == -1).all()
    np.testing.assert_allclose(faces.targets().sum(1), 1)
    pairs = [{faces.labels[i] for i in np.flatnonzero(votes)} for votes in faces.votes]
    assert pairs[0] == {"happiness", "surprise"}
    assert pairs[4] == {"sadness", "fear"}
    assert pairs[20] == {"disgust", "surprise"}
    assert len({frozenset(pair) for pair in pairs}) == 11
    assert len(faces.with_votes()) == 22


def test_the_parts_are_not_mixed_up(tmp_path: Path, write_picture: WritePicture) -> None:
    _write(tmp_path / "basic", write_picture, 7)
    _write(tmp_path / "compound", write_picture, 11)
    with pytest.raises(UserError, match="unknown class '8'.*--dataset rafdb_compound"):
        load_faces(tmp_path / "compound", "rafdb", "train")
    with pytest.raises(UserError, match="no class above 7; is it the basic part"):
        load_faces(tmp_path / "basic", "rafdb_compound", "train")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("train_1.jpg", "line 2: malformed row"),
        ("train_1.jpg 0", "line 2: unknown class '0'"),
        ("train_1.jpg x", "line 2: unknown class 'x'"),
        ("picture.jpg 1", "line 2: malformed row"),
        ("train_/../../x.jpg 1", "line 2: malformed row"),
        ("\x00\x01\x02", "line 2: malformed row"),
    ],
)
def test_a_broken_list_is_refused(
    tmp_path: Path, write_picture: WritePicture, line: str, message: str
) -> None:
    table = _write(tmp_path, write_picture, 7)
    table.write_text(f"train_00001.jpg 1\n{line}\n")
    with pytest.raises(UserError, match=message):
        load_faces(tmp_path, "rafdb", "train")


def test_half_extracted(
    tmp_path: Path, write_picture: WritePicture, capsys: pytest.CaptureFixture[str]
) -> None:
    table = _write(tmp_path, write_picture, 7)
    aligned = tmp_path / "Image" / "aligned"
    (aligned / "train_00001_aligned.jpg").unlink()
    faces = load_faces(tmp_path, "rafdb", "train")
    assert len(faces) == 13
    assert [faces.labels[i] for i in faces.majority[:2]] == ["surprise", "fear"]
    assert "skipped 1 of 14 faces, missing pictures" in capsys.readouterr().err
    (aligned / "train_10001_aligned.jpg").unlink()
    with pytest.raises(UserError, match="2 of 14 listed pictures are missing"):
        load_faces(tmp_path, "rafdb", "train")
    aligned.rename(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="aligned: no such folder; the aligned pictures"):
        load_faces(tmp_path, "rafdb", "train")
    aligned.with_suffix(".zip").write_bytes(b"")
    with pytest.raises(UserError, match=r"aligned: no such folder; extract .*aligned\.zip"):
        load_faces(tmp_path, "rafdb", "train")
    table.unlink()
    with pytest.raises(UserError, match=r"list_patition_label\.txt: not found"):
        load_faces(tmp_path, "rafdb", "train")

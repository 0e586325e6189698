"""A plain folder: names of classes in any common spelling, or one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.errors import UserError
from runtime.manifest import EMOTIONS
from tests.train.datasets.conftest import WritePicture
from train.datasets.catalogue import load_faces


def test_folder_layout(tmp_path: Path, write_picture: WritePicture) -> None:
    write_picture(tmp_path / "val" / "6_Fear" / "b.png", 20)
    write_picture(tmp_path / "val" / "6_Fear" / "a.png", 10)
    write_picture(tmp_path / "val" / "neutral" / "c.png", 30)
    (tmp_path / "val" / "neutral" / "Thumbs.db").write_bytes(b"not a picture")
    faces = load_faces(tmp_path, "folder", "valid")
    assert [int(image[0, 0, 0]) for image in faces.images] == [10, 20, 30]
    assert faces.images[0].shape == (40, 30, 3)
    assert [faces.labels[i] for i in faces.majority] == ["fear", "fear", "neutral"]
    assert faces.votes.argmax(1).tolist() == faces.majority.tolist()
    assert faces.votes.sum() == 3
    assert faces.detail == 0


def test_folders_within_a_class_are_read_and_loose_pictures_counted(
    tmp_path: Path, write_picture: WritePicture, capsys: pytest.CaptureFixture[str]
) -> None:
    write_picture(tmp_path / "train" / "fear" / "person1" / "a.png", 10)
    write_picture(tmp_path / "train" / "fear" / "b.png", 20)
    write_picture(tmp_path / "train" / "neutral" / "p1" / "x" / "c.png", 30)
    write_picture(tmp_path / "train" / "loose.png", 40)
    faces = load_faces(tmp_path, "folder", "train")
    assert [int(image[0, 0, 0]) for image in faces.images] == [20, 10, 30]
    assert [faces.labels[i] for i in faces.majority] == ["fear", "fear", "neutral"]
    assert "passed over 1 pictures in no class's folder" in capsys.readouterr().err


def test_broken_folder_is_refused(tmp_path: Path, write_picture: WritePicture) -> None:
    with pytest.raises(UserError, match=r"expected train/<class>/"):
        load_faces(tmp_path, "folder", "train")
    (tmp_path / "train").mkdir()
    with pytest.raises(UserError, match="no readable pictures"):
        load_faces(tmp_path, "folder", "train")
    write_picture(tmp_path / "train" / "joy" / "a.png", 1)
    with pytest.raises(UserError, match=r"joy: unknown class"):
        load_faces(tmp_path, "folder", "train")


def test_common_spellings(tmp_path: Path, write_picture: WritePicture) -> None:
    spelt = {
        "0_neutral": "neutral",
        "1-Happy": "happiness",
        "HAPPINESS": "happiness",
        "sad": "sadness",
        "Surprised": "surprise",
        "6 scared": "fear",
        "angry": "anger",
        "disgusted": "disgust",
    }
    for value, name in enumerate(sorted(spelt)):
        write_picture(tmp_path / "Train" / name / "a.jpg", 10 * value, (48, 48, 3))
    write_picture(tmp_path / "Train" / ".cache" / "a.jpg", 0)
    faces = load_faces(tmp_path, "folder", "train")
    assert faces.labels == EMOTIONS[:-1]
    assert [faces.labels[i] for i in faces.majority] == [spelt[name] for name in sorted(spelt)]
    # The faces' own side, since all share it.
    assert faces.detail == 48


@pytest.mark.parametrize("name", ["val", "valid", "Validation"])
def test_names_of_the_validation_part(
    tmp_path: Path, write_picture: WritePicture, name: str
) -> None:
    write_picture(tmp_path / name / "anger" / "a.png", 1)
    assert len(load_faces(tmp_path, "folder", "valid")) == 1
    with pytest.raises(UserError, match="test: no such folder; expected test/<class>/ pictures"):
        load_faces(tmp_path, "folder", "test")


def test_an_empty_class_is_said_and_left_out(
    tmp_path: Path, write_picture: WritePicture, capsys: pytest.CaptureFixture[str]
) -> None:
    write_picture(tmp_path / "train" / "fear" / "a.png", 1)
    (tmp_path / "train" / "anger").mkdir()
    write_picture(tmp_path / "train" / "disgust" / "a.png", 1).write_bytes(b"no picture")
    faces = load_faces(tmp_path, "folder", "train")
    assert faces.labels == ("fear",)
    said = capsys.readouterr().err
    assert "anger holds no pictures: left out" in said
    assert "disgust has no readable picture: left out" in said
    assert "skipped 1 of 2 faces, unreadable pictures" in said


@pytest.mark.parametrize("name", ["3", "joy", "calm", "face_fear", "fears"])
def test_no_class_is_guessed(tmp_path: Path, write_picture: WritePicture, name: str) -> None:
    write_picture(tmp_path / "train" / name / "a.png", 1)
    with pytest.raises(UserError, match=f"{name}: unknown class; the classes are neutral, "):
        load_faces(tmp_path, "folder", "train")

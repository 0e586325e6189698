"""AffectNet: two layouts, eight or seven classes, and labels that are no emotion."""

from __future__ import annotations

import csv
import io
import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest

from runtime.errors import UserError
from runtime.manifest import EMOTIONS
from tests.train.datasets.conftest import WritePicture
from train.datasets.catalogue import load_faces

NUMBERS = [
    "neutral",
    "happiness",
    "sadness",
    "surprise",
    "fear",
    "disgust",
    "anger",
    "contempt",
]
HEADER = [
    "subDirectory_filePath",
    *(f"face_{name}" for name in ("x", "y", "width", "height")),
    *("facial_landmarks", "expression", "valence", "arousal"),
]


def _write_annotated(root: Path, write_picture: WritePicture, labels: list[object]) -> None:
    (root / "annotations").mkdir(parents=True)
    for i, label in enumerate(labels):
        write_picture(root / "images" / f"{i}.jpg", 10 * i, (64, 64, 3))
        np.save(root / "annotations" / f"{i}_exp.npy", np.array(label))
        np.save(root / "annotations" / f"{i}_val.npy", np.array("-0.5"))


def test_annotated_files(
    tmp_path: Path, write_picture: WritePicture, capsys: pytest.CaptureFixture[str]
) -> None:
    # A string as published; an int, bytes and a row of one as others rewrite it.
    labels: list[object] = [*map(str, range(11)), 7, b"2", [3], "1.0"]
    _write_annotated(tmp_path / "train_set", write_picture, labels)
    faces = load_faces(tmp_path, "affectnet", "train")
    assert faces.name == "affectnet/train"
    assert faces.labels == EMOTIONS
    assert faces.detail == 64
    shown = [faces.labels[i] for i in faces.majority]
    assert shown == [*NUMBERS, "contempt", "sadness", "surprise", "happiness"]
    values = [round(float(image.mean()) / 10) for image in faces.images]
    assert values == [0, 1, 2, 3, 4, 5, 6, 7, 11, 12, 13, 14]
    said = capsys.readouterr().err
    assert "skipped 3 of 15 faces, labelled none, uncertain or no face" in said


def test_seven_classes_leave_contempt_out(
    tmp_path: Path, write_picture: WritePicture, capsys: pytest.CaptureFixture[str]
) -> None:
    _write_annotated(tmp_path / "val_set", write_picture, [*map(str, range(8))])
    assert len(load_faces(tmp_path, "affectnet", "valid")) == 8
    faces = load_faces(tmp_path, "affectnet7", "valid")
    assert faces.name == "affectnet7/valid"
    assert faces.labels == EMOTIONS[:-1]
    assert [faces.labels[i] for i in faces.majority] == NUMBERS[:-1]
    assert "skipped 1 of 8 faces, labelled contempt" in capsys.readouterr().err


@pytest.mark.parametrize("dataset", ["affectnet", "affectnet7"])
def test_no_test_part_is_published(tmp_path: Path, dataset: str) -> None:
    with pytest.raises(UserError, match="no test part is published; use --split valid"):
        load_faces(tmp_path, dataset, "test")


def _claims_terabytes() -> bytes:
    stream = io.BytesIO()
    header = {"descr": "<i8", "fortran_order": False, "shape": (1 << 40,)}
    np.lib.format.write_array_header_1_0(stream, header)
    return stream.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"3",
        b"\x93NUMPY\x01\x00\x10\x00{'descr': ((((((",
        b"PK\x03\x04",
        pickle.dumps(np.array("3")),
        _claims_terabytes(),
    ],
)
def test_an_unreadable_label_is_skipped_and_counted(
    tmp_path: Path,
    write_picture: WritePicture,
    capsys: pytest.CaptureFixture[str],
    data: bytes,
) -> None:
    _write_annotated(tmp_path / "val_set", write_picture, ["3", "4", 11, -1, "x", [1, 2], None])
    (tmp_path / "val_set" / "annotations" / "1_exp.npy").write_bytes(data)
    faces = load_faces(tmp_path, "affectnet", "valid")
    assert [faces.labels[i] for i in faces.majority] == ["surprise"]
    assert "skipped 6 of 7 faces, unreadable labels; the first: " in capsys.readouterr().err


def test_half_extracted(tmp_path: Path, write_picture: WritePicture) -> None:
    root = tmp_path / "train_set"
    root.mkdir()
    with pytest.raises(UserError, match="images: no such folder; is AffectNet fully extracted"):
        load_faces(tmp_path, "affectnet", "train")
    root.rmdir()
    _write_annotated(root, write_picture, [1] * 10)
    (root / "images" / "0.jpg").unlink()
    assert len(load_faces(tmp_path, "affectnet", "train")) == 9
    (root / "images" / "1.jpg").unlink()
    with pytest.raises(UserError, match=r"2 of 10 listed pictures are missing, .*0\.jpg"):
        load_faces(tmp_path, "affectnet", "train")
    for i in range(5):
        (root / "annotations" / f"{i}_exp.npy").unlink()
    with pytest.raises(UserError, match=r"3 of 8 pictures have no label, such as .*2\.jpg"):
        load_faces(tmp_path, "affectnet", "train")
    for i in range(5, 10):
        (root / "annotations" / f"{i}_exp.npy").unlink()
    with pytest.raises(UserError, match="holds no"):
        load_faces(tmp_path, "affectnet", "train")
    with pytest.raises(UserError, match="must hold val_set/images and val_set/annotations, or"):
        load_faces(tmp_path, "affectnet", "valid")


def _write_table(path: Path, rows: list[list[object]], header: bool = True) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows([HEADER, *rows] if header else rows)


def _row(name: str, box: list[object], number: object) -> list[object]:
    return [name, *box, "12.5;30.1", number, 0.5, -0.2]


def _write_halves(path: Path) -> None:
    """Dark on the left, bright on the right."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = np.zeros((80, 120, 3), np.uint8)
    picture[:, 60:] = 200
    cv2.imwrite(str(path), picture)


@pytest.mark.parametrize(
    ("lists", "pictures", "header"),
    [
        ("", "Manually_Annotated_Images", True),
        ("Manually_Annotated_file_lists", "Manually_Annotated/Manually_Annotated_Images", False),
        ("", "", True),
    ],
)
@pytest.mark.parametrize("memory", [0, 1 << 30])
def test_csv(
    tmp_path: Path,
    lists: str,
    pictures: str,
    header: bool,
    memory: int,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The face box is cut out; the published validation list has no header."""
    monkeypatch.setattr("train.datasets.pictures.MEMORY", memory)
    rows = [
        _row("1/a.png", [0, 0, 40, 40], 1),
        _row("1/a.png", [70, 10, 40, 30], 4),
        _row("2/b.png", [0, 0, 40, 40], 9),
        _row("2/b.png", ["NULL"] * 4, 10),
        _row("1/a.png", [-1, -1, -1, -1], 2),
        _row("1/a.png", [70, 10, 4e9, 4e9], 7),
        _row("1/a.png", [500, 10, 40, 40], 7),
    ]
    _write_table(tmp_path / lists / "validation.csv", rows, header)
    _write_halves(tmp_path / pictures / "1" / "a.png")
    faces = load_faces(tmp_path, "affectnet", "valid")
    assert [faces.labels[i] for i in faces.majority] == ["happiness", "fear", "contempt"]
    left, right, clipped = faces.images
    assert left.shape == right.shape == (40, 40, 3)
    assert (left == 0).all()
    assert (right == 200).all()
    assert clipped.shape[0] <= 120
    said = capsys.readouterr().err
    assert "skipped 2 of 7 faces, labelled none, uncertain or no face; the first: 2/b.png" in said
    assert "skipped 1 of 7 faces, no face box; the first: 1/a.png" in said
    assert "skipped 1 of 4 faces, unreadable pictures" in said
    seven = load_faces(tmp_path, "affectnet7", "valid")
    assert len(seven) == 2
    assert "contempt" not in seven.labels


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (_row("a.png", [0, 0, 4, 4], 11), "line 2: unknown class 11"),
        (_row("a.png", [0, 0, 4, 4], "happy"), "line 2: malformed row"),
        (_row("../a.png", [0, 0, 4, 4], 1), "line 2: malformed row"),
        (["a.png", 0], "line 2: malformed row"),
        (_row("a.png", [0, 0, 4, 4], 1), "1 of 1 listed pictures are missing"),
        (_row("a.png", [0, 0, 4, 4], 8), "none of 1 faces has one of neutral"),
    ],
)
def test_a_broken_csv_is_refused(tmp_path: Path, row: list[object], message: str) -> None:
    _write_table(tmp_path / "training.csv", [row])
    with pytest.raises(UserError, match=message):
        load_faces(tmp_path, "affectnet", "train")
    (tmp_path / "training.csv").write_text("path,expression\na.png,1\n")
    with pytest.raises(UserError, match="no column 'subDirectory_filePath'"):
        load_faces(tmp_path, "affectnet", "train")

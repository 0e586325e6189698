"""Calibration takes real faces, fairly drawn, and nothing else."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibration.samples import LEAST, calibration_inputs, draw_balanced, held_out_inputs
from runtime.errors import UserError
from runtime.manifest import EMOTIONS, Manifest, Preprocess
from tests.conftest import PORTRAIT
from train.datasets.faces import FaceSet, single_labels

SPEC = Preprocess(size=32)


def _faces(counts: list[int]) -> FaceSet:
    classes = [label for label, count in enumerate(counts) for _ in range(count)]
    images = [np.full((4, 4), i % 256, np.uint8) for i in range(len(classes))]
    return single_labels("set/train", EMOTIONS[: len(counts)], images, classes)


@given(st.lists(st.integers(1, 60), min_size=2, max_size=5), st.integers(1, 100), st.integers(0, 9))
def test_every_class_comes_as_often_as_its_number_allows(
    counts: list[int], samples: int, seed: int
) -> None:
    drawn = draw_balanced(_faces(counts), samples, seed)
    assert len(drawn) == min(samples, sum(counts))
    got = np.bincount(drawn.majority, minlength=len(counts))
    # What one class has less than another, it has not.
    for ours, all_of_it in zip(got, counts, strict=True):
        assert ours == all_of_it or ours >= got.max() - 1


def test_a_seed_draws_the_same_faces_and_another_others() -> None:
    faces = _faces([200, 200])
    first, same, other = (
        [int(image[0, 0]) for image in draw_balanced(faces, 20, seed).images] for seed in (1, 1, 2)
    )
    assert first == same != other


def test_real_faces_become_network_inputs(real_faces_dir: Path) -> None:
    inputs, origin = calibration_inputs(real_faces_dir, "folder", LEAST, 0, SPEC)
    assert (inputs.shape, inputs.dtype) == ((LEAST, 3, 32, 32), np.float32)
    assert origin == f"{real_faces_dir.name}/train"
    again, _ = calibration_inputs(real_faces_dir, "folder", LEAST, 0, SPEC)
    assert np.array_equal(inputs, again)


@pytest.mark.parametrize("kind", ["noise", "flat"])
def test_what_shows_no_face_is_refused(kind: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    folder = tmp_path / "train" / "neutral"
    folder.mkdir(parents=True)
    for i in range(LEAST):
        picture = rng.integers(0, 256, (48, 48)) if kind == "noise" else np.full((48, 48), 3 * i)
        cv2.imwrite(str(folder / f"{i}.png"), picture)
    with pytest.raises(UserError, match="a face is found in only 0 of 48 of its pictures"):
        calibration_inputs(tmp_path, "folder", LEAST, 0, SPEC)


def test_too_few_faces_are_refused(real_faces_dir: Path) -> None:
    with pytest.raises(UserError, match=f"10 faces to calibrate with, at least {LEAST} are needed"):
        calibration_inputs(real_faces_dir, "folder", 10, 0, SPEC)


def test_a_folder_of_pictures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    portrait = cv2.imread(str(PORTRAIT))
    for i in range(LEAST):
        cv2.imwrite(str(tmp_path / f"{i}.jpg"), np.roll(portrait, i, axis=1))
    cv2.imwrite(str(tmp_path / "empty.jpg"), np.full((200, 200, 3), 90, np.uint8))
    (tmp_path / "broken.jpg").write_text("no picture")
    inputs, origin = calibration_inputs(tmp_path, "pictures", 500, 0, SPEC)
    assert len(inputs) >= LEAST
    assert origin == str(tmp_path)
    said = capsys.readouterr().err
    assert "broken.jpg" in said
    assert f"1 of {LEAST + 1} pictures show no face, 1 can't be read" in said


def test_pictures_without_faces_are_too_few_faces(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "empty.jpg"), np.full((200, 200, 3), 90, np.uint8))
    with pytest.raises(UserError, match="0 faces to calibrate with"):
        calibration_inputs(tmp_path, "pictures", 500, 0, SPEC)
    with pytest.raises(UserError, match="no such folder"):
        calibration_inputs(tmp_path / "none", "pictures", 500, 0, SPEC)


def test_held_faces_have_labels_in_the_models_classes(real_faces_dir: Path) -> None:
    inputs, majority, _ = held_out_inputs(
        real_faces_dir, "folder", "valid", 0, Manifest(preprocess=SPEC)
    )
    assert len(inputs) == 16
    assert np.bincount(majority).tolist() == [8, 8]
    with pytest.raises(UserError, match="at least 8 are needed"):
        held_out_inputs(real_faces_dir, "folder", "valid", 7, Manifest(preprocess=SPEC))

"""Picture files and folders of them."""

import logging

import cv2
import numpy as np
import pytest

from runtime.errors import SourceError
from runtime.pictures.folders import list_pictures
from runtime.pictures.reading import read_picture
from tests.conftest import PORTRAIT
from tests.runtime.sources.reading import frames_of


def test_a_folder_is_read_by_name_and_bad_pictures_are_skipped(tmp_path, caplog):
    for name, value in (("b.png", 20), ("a.png", 10)):
        cv2.imwrite(str(tmp_path / name), np.full((8, 8), value, np.uint8))
    (tmp_path / "c.jpg").write_text("no picture")
    (tmp_path / "notes.txt").write_text("no picture either")
    with caplog.at_level(logging.WARNING):
        frames = frames_of(tmp_path)
    assert [f.picture.bgr().flat[0] for f in frames] == [10, 20]
    assert "c.jpg" in caplog.text
    assert "notes" not in caplog.text


def test_a_folder_of_broken_pictures(tmp_path):
    _write(tmp_path / "a.png", b"no")
    with pytest.raises(SourceError, match="none of its pictures"):
        frames_of(tmp_path)


@pytest.mark.parametrize(
    ("name", "image"),
    [
        ("one.png", np.full((1, 1), 9, np.uint8)),
        ("grey.png", np.full((6, 7), 9, np.uint8)),
        ("deep.png", np.full((6, 7, 3), 9 * 257, np.uint16)),
        ("deepgrey.tiff", np.full((6, 7), 9 * 257, np.uint16)),
        ("clear.png", np.full((6, 7, 4), (9, 9, 9, 128), np.uint8)),
    ],
)
def test_unusual_pictures_are_read(tmp_path, name, image):
    path = tmp_path / name
    cv2.imwrite(str(path), image)
    got = read_picture(path)
    assert got.shape == (*image.shape[:2], 3)
    assert got.dtype == np.uint8
    assert np.abs(got.astype(int) - 9).max() <= 1


@pytest.mark.parametrize("content", [b"", b"GIF89a", b"\x89PNG\r\n\x1a\n garbage"])
def test_files_that_are_no_pictures(tmp_path, content):
    with pytest.raises(SourceError, match="not a picture"):
        read_picture(_write(tmp_path / "x.png", content))


def test_a_picture_cut_short_is_read_or_refused(tmp_path):
    data = PORTRAIT.read_bytes()
    try:
        assert read_picture(_write(tmp_path / "x.jpg", data[: len(data) // 2])).shape[2] == 3
    except SourceError:
        pass


def test_list_pictures_ignores_case_of_suffix(tmp_path):
    _write(tmp_path / "A.JPG", b"x")
    assert list_pictures(tmp_path) == [tmp_path / "A.JPG"]


def test_pictures_of_a_folder_are_too_far_apart_to_be_smoothed(tmp_path, portrait):
    from runtime.emotion.smoothing import Smoother

    for name in ("a.png", "b.png"):
        cv2.imwrite(str(tmp_path / name), portrait)
    first, second = (frame.time_s for frame in frames_of(tmp_path))
    smoother = Smoother()
    smoother.update(1, np.eye(8)[0], first)
    assert smoother.update(1, np.eye(8)[1], second).confidence == 1.0


def _write(path, content):
    path.write_bytes(content)
    return path

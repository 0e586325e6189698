"""Picture files and folders of them."""

import logging

import cv2
import numpy as np
import pytest
from PIL import Image

from runtime.errors import SourceError
from runtime.pictures.folders import list_pictures
from runtime.pictures.reading import read_picture
from runtime.sources.factory import open_source
from tests.conftest import PORTRAIT
from tests.runtime.pictures.files import saved
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


@pytest.mark.parametrize("kind", ["WEBP", "AVIF", "GIF", "PNG", "TIFF"])
def test_all_frames_of_an_animation_or_of_several_pages_are_read(tmp_path, kind):
    shades = [Image.new("RGB", (64, 48), (value,) * 3) for value in (10, 90, 170, 250)]
    options = {} if kind == "TIFF" else {"duration": [200, 300, 400, 500]}
    options |= {"lossless": True} if kind == "WEBP" else {}
    path = tmp_path / f"a.{kind.lower()}"
    path.write_bytes(saved(shades[0], kind, save_all=True, append_images=shades[1:], **options))
    frames = frames_of(path)
    times = [0, 2, 4, 6] if kind == "TIFF" else [0, 0.2, 0.5, 0.9]
    assert [frame.time_s for frame in frames] == pytest.approx(times, abs=0.01)
    middles = [int(frame.picture.bgr()[24, 32, 1]) for frame in frames]
    assert middles == pytest.approx([10, 90, 170, 250], abs=4)


def test_a_long_animation_is_decoded_in_parts(tmp_path, monkeypatch):
    monkeypatch.setattr("runtime.pictures.animation._CHUNK", 3)
    shades = [Image.new("RGB", (16, 16), (value,) * 3) for value in range(0, 250, 25)]
    path = tmp_path / "a.webp"
    path.write_bytes(
        saved(shades[0], "WEBP", save_all=True, append_images=shades[1:], lossless=True)
    )
    got = [int(frame.picture.bgr()[8, 8, 1]) for frame in frames_of(path)]
    assert got == pytest.approx(list(range(0, 250, 25)), abs=2)


def test_an_animation_cut_short_ends_early_or_is_refused(tmp_path):
    shades = [Image.effect_noise((64, 64), value).convert("RGB") for value in (50, 60, 70)]
    for kind in ("WEBP", "AVIF", "TIFF"):
        data = saved(shades[0], kind, save_all=True, append_images=shades[1:])
        path = _write(tmp_path / f"a.{kind.lower()}", data[: len(data) * 2 // 3])
        try:
            assert len(frames_of(path)) < 3
        except SourceError:
            pass


def test_what_a_file_holds_counts_and_not_its_suffix(tmp_path, clip):
    picture = PORTRAIT.read_bytes()
    for name in ("portrait", "portrait.png", "portrait.txt"):
        (frame,) = frames_of(_write(tmp_path / name, picture))
        assert frame.name.endswith(name)
    many = _write(tmp_path / "three.mjpeg", picture * 3)
    assert len(frames_of(many)) == 3
    video = _write(tmp_path / "video.jpg", clip.read_bytes())
    assert len(frames_of(video)) > 1


def test_folders_in_a_folder_are_read_on_request(tmp_path):
    (tmp_path / "in").mkdir()
    for name in ("in/b.png", "a.png"):
        cv2.imwrite(str(tmp_path / name), np.zeros((8, 8), np.uint8))
    assert len(frames_of(tmp_path)) == 1
    source = open_source(str(tmp_path), recursive=True)
    assert [source.read().name, source.read().name] == [
        str(tmp_path / name) for name in ("a.png", "in/b.png")
    ]


def _write(path, content):
    path.write_bytes(content)
    return path

"""Folders of pictures: which files, in which order, and what is said of the others."""

import logging
import os
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.errors import SourceError
from runtime.pictures.folders import collect_pictures, list_pictures, numeric_order
from runtime.pictures.kinds import SUFFIXES
from tests.conftest import PORTRAIT


def fill(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")
    return folder


def names(folder: Path, **options: bool) -> list[str]:
    return [str(path.relative_to(folder)) for path in list_pictures(folder, **options)]


def test_every_kind_of_picture_is_there_in_upper_case_too(tmp_path):
    wanted = "jfif jpe jpg jpeg png bmp webp tif tiff ppm pgm pbm pnm gif avif heic heif"
    assert {f".{kind}" for kind in wanted.split(" ")} <= SUFFIXES
    both = sorted([f"a{s}" for s in SUFFIXES] + [f"B{s.upper()}" for s in SUFFIXES])
    assert sorted(names(fill(tmp_path, *both))) == both


def test_numbers_are_sorted_as_people_do(tmp_path):
    files = ["img1.jpg", "img2.jpg", "IMG3.jpg", "img010.jpg", "img10.jpg", "img100.jpg", "z.jpg"]
    assert names(fill(tmp_path, *reversed(files))) == files


def test_what_is_left_out_is_said_and_hidden_files_are_not(tmp_path, caplog):
    fill(tmp_path, "a.jpg", "._a.jpg", ".hidden.png", ".cache/b.png", "notes.txt", "clip.mp4")
    fill(tmp_path, *(f"f{number}.doc" for number in range(7)), "more/c.jpg")
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "photo").write_bytes(PORTRAIT.read_bytes())
    with caplog.at_level(logging.INFO):
        assert names(tmp_path) == ["a.jpg"]
    (record,) = caplog.records
    line = record.getMessage()
    # What may be a picture comes first.
    assert "12 other files (gone.jpg, photo, clip.mp4, f0.doc, f1.doc, ...)" in line
    assert "1 folder (more); --recursive reads" in line
    assert "hidden" not in line
    assert "._a" not in line


def test_a_name_of_any_bytes_is_one_word_of_that_line(tmp_path, caplog):
    fill(tmp_path, "a.jpg", "x\n\x1b[2J.txt", os.fsdecode(b"caf\xe9.txt"), "y" * 200)
    with caplog.at_level(logging.INFO):
        list_pictures(tmp_path)
    assert r"x\n\x1b[2J.txt" in caplog.messages[0]
    assert r"caf\xe9.txt" in caplog.messages[0]
    assert len(caplog.messages[0]) < 400


def test_folders_in_it_are_read_on_request_each_once(tmp_path, caplog):
    fill(tmp_path, "b/2.jpg", "b/10.jpg", "a.jpg", "b/deep/er/1.png", ".git/x.jpg", "b/n.txt")
    (tmp_path / "b/deep/loop").symlink_to(tmp_path)
    (tmp_path / "again").symlink_to(tmp_path / "b")
    with caplog.at_level(logging.INFO):
        found = names(tmp_path, recursive=True)
    assert len(found) == 4
    assert found[0] == "a.jpg"
    assert [Path(name).name for name in found if "deep" not in name][1:] == ["2.jpg", "10.jpg"]
    assert collect_pictures([tmp_path / "a.jpg", tmp_path], recursive=True)[0].name == "a.jpg"
    assert "n.txt" in caplog.text
    assert "folder" not in caplog.messages[0].replace(str(tmp_path), "")


def test_a_folder_without_pictures_says_what_is_there(tmp_path):
    fill(tmp_path, "clip.mp4", "in/a.jpg")
    with pytest.raises(SourceError, match=r"no picture .*clip\.mp4.*--recursive"):
        list_pictures(tmp_path)


NAMES = st.text(st.characters(exclude_characters="\0"), max_size=30) | st.binary(max_size=30).map(
    os.fsdecode
)


@given(st.lists(NAMES | st.from_regex(r"[a-cA-C]{0,2}[0-9]{0,4}[.]?[a-b]?[0-9]{0,3}")))
def test_any_names_have_one_order(texts):
    once = sorted(texts, key=numeric_order)
    texts.reverse()
    assert sorted(texts, key=numeric_order) == once
    for first, second in pairwise(once):
        assert (numeric_order(first) == numeric_order(second)) == (first == second)


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 5))
def test_numbers_go_by_their_value(first, second, zeros):
    keys = [numeric_order(f"img{'0' * zeros}{first}.jpg"), numeric_order(f"img{second}.jpg")]
    if first != second:
        assert (keys[0] < keys[1]) == (first < second)


def test_digits_of_any_script_are_numbers():
    names = ["\u0661\u0660.jpg", "\u0662.jpg", "\uff11\uff11.jpg", "img\u00b25.jpg"]
    assert sorted(names, key=numeric_order) == [names[1], names[0], names[2], names[3]]

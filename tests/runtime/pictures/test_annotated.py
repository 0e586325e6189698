"""Where annotated pictures go."""

import os
from pathlib import Path

from runtime.pictures.annotated import annotated_files


def test_no_two_are_alike_whatever_their_folders(tmp_path):
    out = tmp_path / "out"
    given = [tmp_path / "a" / "x.jpg", tmp_path / "b" / "x.png", tmp_path / "x.gif"]
    names = [path.name for path in annotated_files(given, out, [])]
    assert names == ["x.png", "x_2.png", "x_3.png"]


def test_no_input_no_other_output_and_no_other_name_of_an_input_is_replaced(tmp_path):
    source = tmp_path / "x.png"
    source.write_bytes(b"a picture")
    os.link(source, tmp_path / "x_2.png")
    (made,) = annotated_files([source], tmp_path, [str(tmp_path / "x_3.png"), None])
    assert made == tmp_path / "x_4.png"


def test_a_url_gives_a_name_without_its_secrets():
    (made,) = annotated_files(["http://me:secret@host/p.jpg?key=s3cret"], Path("out"), [])
    assert "s3cret" not in str(made)
    assert "secret" not in str(made)


def test_a_long_name_leaves_room_for_its_suffix():
    (made,) = annotated_files([Path("ä" * 127 + ".jpg")], Path("out"), [])
    assert len(os.fsencode(made.name)) <= 255

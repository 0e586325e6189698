import os

import pytest

from runtime.support.files.reading import read_input_file


def test_files_up_to_the_limit_are_read_whole(tmp_path):
    path = tmp_path / "f"
    for size in (0, 1, 100):
        path.write_bytes(b"x" * size)
        assert read_input_file(path, 100) == b"x" * size
    path.write_bytes(b"x" * 101)
    with pytest.raises(OSError, match="too large"):
        read_input_file(path, 100)
    link = tmp_path / "link"
    link.symlink_to(path)
    assert len(read_input_file(link, 101)) == 101


def test_what_is_no_file_is_told_at_once_and_nothing_stays_open(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    before = len(os.listdir("/proc/self/fd"))
    for path, word in (
        (tmp_path, "not a regular file"),
        (tmp_path / "pipe", "not a regular file"),
        (tmp_path / "nope", "no such file"),
        (tmp_path / "nope" / "x", "no such file"),
        (tmp_path / "nul\0l", "no such file"),
        (tmp_path / ("x" * 300), "too long"),
    ):
        with pytest.raises(OSError, match=word):
            read_input_file(path, 100)
    with pytest.raises(OSError, match="grew"):
        read_input_file(type(tmp_path)("/proc/self/status"), 1 << 20)
    assert len(os.listdir("/proc/self/fd")) == before

import json
import os
import threading

import pytest

from runtime.errors import UserError
from runtime.sinks.files.jsonl import JsonSink
from tests.runtime.sinks.conftest import nearly_full_disk, result


def test_an_older_output_stays_until_there_is_a_result(tmp_path):
    path = tmp_path / "out.jsonl"
    path.write_text("old\n")
    JsonSink(str(path)).close()
    assert path.read_text() == "old\n"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a Linux with /dev/full")
def test_a_full_disk_is_one_line():
    with pytest.raises(UserError, match="No space left"):
        JsonSink("/dev/full").write(result())


def test_a_half_written_line_is_taken_back(tmp_path, monkeypatch):
    path = tmp_path / "out.jsonl"
    sink = JsonSink(str(path))
    sink.write(result(0))
    whole = path.read_bytes()
    nearly_full_disk(monkeypatch, room=20)
    with pytest.raises(UserError, match="No space left"):
        sink.write(result(1))
    assert path.read_bytes() == whole


def test_json_goes_through_a_pipe(tmp_path):
    path = tmp_path / "fifo"
    os.mkfifo(path)
    got: list[str] = []
    reader = threading.Thread(target=lambda: got.append(path.read_text()))
    reader.start()
    sink = JsonSink(str(path))
    sink.write(result(0))
    sink.write(result(1))
    sink.close()
    reader.join(10)
    assert [json.loads(line)["frame"] for line in got[0].splitlines()] == [0, 1]

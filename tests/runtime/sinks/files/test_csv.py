import csv
import os
from dataclasses import replace
from datetime import datetime, timezone

import pytest

from runtime.errors import UserError
from runtime.sinks.files.csv import COLUMNS, LAST, CsvSink
from tests.runtime.sinks.conftest import nearly_full_disk, result

LABELS = ("neutral", "happiness")


def test_one_row_a_face_under_a_header(tmp_path):
    path = tmp_path / "new" / "o.csv"
    sink = CsvSink(str(path), LABELS)
    sink.write(result(0, faces=0))
    assert path.read_text() == ",".join((*COLUMNS, *LABELS, *LAST)) + "\n"
    at = datetime(2026, 11, 27, 18, 3, 4, 5000, timezone.utc)
    sink.write(replace(result(3, faces=2), source="door", at=at))
    with path.open(newline="") as file:  # before close
        rows = list(csv.DictReader(file))
    sink.close()
    sink.close()
    assert len(rows) == 2
    assert rows[0] == {
        "stream": "0",
        "frame": "3",
        "time_s": "0.12",
        "track": "3",
        "x1": "50.0",
        "y1": "60.0",
        "x2": "150.0",
        "y2": "170.0",
        "score": "0.9",
        "emotion": "happiness",
        "confidence": "0.8",
        "uncertain": "false",
        "neutral": "",
        "happiness": "0.8",
        "source": "door",
        "at": "2026-11-27T18:03:04.005Z",
        "name": "",
        "zone": "",
    }


def test_single_pictures_have_a_path_and_no_time(tmp_path):
    path = tmp_path / "o.csv"
    sink = CsvSink(str(path), LABELS, pictures=True)
    # A byte that is no UTF-8, and a line's end.
    sink.write(replace(result(), stream=None, name="caf\udce9\n.png"))
    sink.close()
    with path.open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert [row[key] for key in ("stream", "frame", "time_s", "track", "source", "at")] == [""] * 6
    assert row["path"] == "caf\\xe9\\n.png"
    assert (row["x2"], row["emotion"]) == ("150.0", "happiness")


def test_standard_output(capsys):
    sink = CsvSink("-", LABELS)
    sink.write(replace(result(1), stream=2))
    sink.close()
    head, row = capsys.readouterr().out.splitlines()
    assert head.startswith("stream,frame,")
    assert row.startswith("2,1,0.04,3,")


def test_rows_of_a_frame_are_taken_back_together(tmp_path, monkeypatch):
    path = tmp_path / "o.csv"
    sink = CsvSink(str(path), LABELS)
    sink.write(result(0))
    whole = path.read_bytes()
    nearly_full_disk(monkeypatch, room=90)  # enough for the first row of two
    with pytest.raises(UserError, match="--output_csv .*No space left"):
        sink.write(result(1, faces=2))
    assert path.read_bytes() == whole


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a Linux with /dev/full")
def test_a_full_disk_is_one_line():
    with pytest.raises(UserError, match="No space left"):
        CsvSink("/dev/full", LABELS).write(result())


def test_unwritable_places_fail_before_any_work(tmp_path):
    with pytest.raises(UserError, match="--output_csv"):
        CsvSink(str(tmp_path), LABELS)

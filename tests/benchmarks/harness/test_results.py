"""Reports on the disk: read, refused in one line, and written whole."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.harness.results import read_report, show_report, write_report
from benchmarks.harness.schema.engine import EngineReport
from runtime.errors import UserError
from tests.conftest import REPO

RESULTS = REPO / "benchmarks" / "results"


def test_what_is_written_is_read(tmp_path: Path) -> None:
    report = read_report(RESULTS / "engine_cpu.json")
    assert isinstance(report, EngineReport)
    write_report(report, str(tmp_path / "again.json"))
    assert read_report(tmp_path / "again.json") == report
    assert json.loads((tmp_path / "again.json").read_text())["version"] == 1
    write_report(report, None)


def test_what_is_shown_has_no_samples(capsys: pytest.CaptureFixture[str]) -> None:
    show_report(read_report(RESULTS / "overload.json"))
    shown = json.loads(capsys.readouterr().out)
    assert "samples" not in shown
    assert "samples" not in shown["rows"][0]
    assert shown["rows"][0]["p50_ms"] > 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not JSON"),
        ("[]", "not a benchmark's report"),
        ('{"benchmark": ["engine"]}', "not a benchmark's report"),
        ('{"benchmark": "engine", "version": 9}', "a report of version 9; this one reads 1"),
        ('{"benchmark": "engine"}', "writes it (lacks the key machine): measure again"),
    ],
)
def test_what_cannot_be_read_is_one_line(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        read_report(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No such file"):
        read_report(tmp_path / "none.json")

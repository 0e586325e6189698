import json

import numpy as np
import pytest

from benchmarks.harness.results import read_report
from benchmarks.pipeline.command import main
from benchmarks.regression.compared_figures import KINDS
from runtime.support.cli import run_command
from tests.conftest import write_video


def _measure(flags, tmp_path):
    out = tmp_path / "p.json"
    argv = [*flags, "--rounds", 1, "--frames", 10, "--output_json", out]
    assert run_command(main, [str(a) for a in argv]) == 0
    return json.loads(out.read_text())


def test_it_measures(tiny_engine, tmp_path, capsys):
    figures = _measure(["--engine", tiny_engine, "--faces", 1], tmp_path)
    (row,) = figures["pipeline"]
    assert row["faces_seen"] == 1
    assert row["ratio"] == pytest.approx(row["frame_ms"] / row["ref_ms"], rel=0.01)
    latency = row["latency_ms"]
    assert 0 < latency["p50"] <= latency["p90"] <= latency["p99"]
    assert latency["p99"] <= row["latency_percentiles_ms"][-1]
    assert row["dropped"] == 0
    assert set(row["utilisation"]) == {"capture", "detect", "classify"}
    assert all(0 <= share <= 1 for share in row["utilisation"].values())
    assert row["fps_over_slowest"] == pytest.approx(row["fps"] / row["slowest_alone_fps"], rel=0.01)
    assert figures["start"]["first_result_s"] > figures["start"]["bare_python_s"]
    assert figures["start"]["peak_memory_mb"] > 50
    report = read_report(tmp_path / "p.json")
    found = {(one.row, one.name): one for one in KINDS["pipeline"].figures(report)}
    (ratio,) = found[row["title"], "frame / REF"].values
    assert ratio == pytest.approx(row["ratio"], abs=1e-3)
    assert len(found["start", "first result / bare Python"].values) == 5
    shown = capsys.readouterr()
    assert figures["machine"]["cpu"] in shown.out
    assert "round 1 of 1" in shown.err


def test_every_combination_has_a_row(tiny_engine, tmp_path):
    flags = ["--engine", tiny_engine, "--faces", 1, 2, "--streams", 1, 2, "--no-start"]
    figures = _measure([*flags, "--size", "320x240", "--paced", "100"], tmp_path)
    rows = figures["pipeline"]
    assert [(row["faces"], row["streams"]) for row in rows] == [(1, 1), (1, 2), (2, 1), (2, 2)]
    assert {row["width"] for row in rows} == {320}
    assert {(row["ratio"], row["fps_over_slowest"]) for row in rows} == {(None, None)}, (
        "a camera's frame rate is no speed"
    )
    report = read_report(tmp_path / "p.json")
    names = {one.name for one in KINDS["pipeline"].figures(report)}
    assert names == {"latency p50 / REF", "latency p99 / REF", "dropped"}
    assert "start" not in figures


def test_faces_and_streams_make_a_grid(tiny_engine, tmp_path, capsys):
    flags = ["--engine", tiny_engine, "--faces", 1, 2, "--streams", 1, 2, "--no-start"]
    rows = _measure(flags, tmp_path)["pipeline"]
    grid = capsys.readouterr().out.splitlines()[-3:]
    assert grid[0].split()[-2:] == ["1", "2"]
    for line, pair in zip(grid[1:], (rows[:2], rows[2:]), strict=True):
        assert line.split()[:2] == [f"{pair[0]['faces']},", "640x480"]
        assert line.split()[2::2] == [f"{row['ratio']:.2f}" for row in pair]


def test_a_file_is_measured(tiny_engine, clip, tmp_path):
    figures = _measure(["--engine", tiny_engine, "--source", clip, "--no-start"], tmp_path)
    (row,) = figures["pipeline"]
    assert row["faces"] is None
    assert row["title"].startswith(f"{clip.name}, 1 stream, ")
    assert row["fps"] > 0


@pytest.mark.parametrize(
    "argv",
    [
        ["--faces", "25"],
        ["--rounds", "0"],
        ["--engine", "/nope.onnx"],
        ["--size", "big"],
        ["--source", "/nope.mp4"],
    ],
)
def test_bad_options_are_one_line(argv, capsys):
    assert run_command(main, argv) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1


def test_an_empty_or_short_video_is_one_line(tmp_path, capsys):
    empty, short = tmp_path / "empty.mp4", tmp_path / "short.mp4"
    empty.write_bytes(b"")
    write_video(short, [np.zeros((32, 32, 3), np.uint8)] * 3)
    for path, message in ((empty, "the file is empty"), (short, "3 frames are too few")):
        assert run_command(main, ["--source", str(path)]) == 2
        error = capsys.readouterr().err
        assert message in error
        assert error.count("\n") == 1

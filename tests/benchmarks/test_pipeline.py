import json

import pytest

from benchmarks.pipeline import main, render
from runtime.detect import open_detector
from runtime.options import run_command


@pytest.mark.parametrize("faces", [1, 6])
def test_rendered_frames_hold_so_many_faces(faces):
    frames = render(faces, 3)
    detector = open_detector(size=320, threshold=0.5)
    assert [len(detector.detect(frame)) for frame in frames] == [faces] * 3


def test_it_measures(tiny_engine, tmp_path):
    out = tmp_path / "p.json"
    argv = ["--engine", tiny_engine, "--rounds", 1, "--frames", 10, "--faces", 1]
    assert run_command(main, [str(a) for a in [*argv, "--output_json", out]]) == 0
    figures = json.loads(out.read_text())
    (row,) = figures["pipeline"]
    assert row["faces_seen"] == 1
    assert row["ratio"] == pytest.approx(row["frame_ms"] / row["ref_ms"], rel=0.01)
    assert figures["start"]["first_result_s"] > figures["start"]["bare_python_s"]
    assert figures["start"]["peak_memory_mb"] > 50


@pytest.mark.parametrize("argv", [["--faces", "7"], ["--rounds", "0"], ["--engine", "/nope.onnx"]])
def test_bad_options_are_one_line(argv, capsys):
    assert run_command(main, argv) == 2
    assert capsys.readouterr().err.startswith("error: ")

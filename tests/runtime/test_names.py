"""Names of files that other programs trip over: dashes, colons, addresses, lengths, any bytes."""

import json
import os
import shutil

import pytest

from runtime.doctor import main as doctor_main
from runtime.predict import main as predict_main
from runtime.support.cli import run_command
from runtime.webcam import main as webcam_main
from tests.conftest import PORTRAIT

LONG = "y" * 300

#: What a file may be called, and how it is named on a command line.
NAMES = {
    "-x.mp4": "./-x.mp4",
    "0": "./0",
    "demo": "./demo",
    "~": "./~",
    "gst:a.mp4": "./gst:a.mp4",
    "a ! b.mp4": "a ! b.mp4",
    "http:/h/v.mp4": "./http://h/v.mp4",
    "file:x.mp4": "./file:x.mp4",
    "2024-11-27T12:30:05.mp4": "2024-11-27T12:30:05.mp4",
    "C:\\x.mp4": "C:\\x.mp4",
    "100%d.mp4": "100%d.mp4",
    "[1]*?.mp4": "[1]*?.mp4",
    "a\n\x1b[2J.mp4": "a\n\x1b[2J.mp4",
    os.fsdecode(b"caf\xe9.mp4"): os.fsdecode(b"caf\xe9.mp4"),
    "y" * 251 + ".mp4": "y" * 251 + ".mp4",
}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(main, engine, *argv):
    return run_command(main, [*argv, "--engine", str(engine)])


def test_a_film_of_any_name_is_read_and_written(folder, clip, tiny_engine, capfd):
    for name in NAMES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(clip, folder / name)
    out = os.fsdecode(b"o\xe9\n:%d.jsonl")
    argv = ["--headless", "--max_frames", "30", "--output_json", out]
    assert run(webcam_main, tiny_engine, *argv, "--source", *NAMES.values()) == 0
    streams = {json.loads(line)["stream"] for line in (folder / out).read_text().splitlines()}
    assert streams <= set(range(len(NAMES)))
    err = capfd.readouterr().err
    assert "failed" not in err
    assert "\x1b" not in err
    assert "caf\\xe9.mp4" in err
    assert err.isprintable() or all(line.isprintable() for line in err.splitlines())


def test_a_picture_of_any_name_is_read(folder, tiny_engine, capfd):
    for name in NAMES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PORTRAIT, folder / name)
    argv = ["--face_crops", "--output_json", "-", *NAMES.values()]
    assert run(predict_main, tiny_engine, *argv) == 0
    lines = capfd.readouterr().out.splitlines()
    paths = [json.loads(line)["path"] for line in lines]
    assert len(set(paths)) == len(NAMES)
    assert all(path.encode() for path in paths)


def test_a_name_behind_two_dashes_is_no_flag(folder, tiny_engine, capfd):
    shutil.copy(PORTRAIT, "-x.jpg")
    shutil.copy(PORTRAIT, "--")
    argv = ["--face_crops", "--engine", str(tiny_engine)]
    assert run_command(predict_main, [*argv, "--", "-x.jpg", "--"]) == 0
    assert capfd.readouterr().out.count("\n") == 2
    assert run_command(predict_main, ["-x.jpg", *argv]) == 2
    assert "is written ./-x.jpg" in capfd.readouterr().err
    assert run_command(webcam_main, ["--source", "-x.jpg"]) == 2
    assert "is written ./-x.jpg" in capfd.readouterr().err
    assert run_command(webcam_main, ["--headless", "--", "x"]) == 2
    assert "unrecognized arguments" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("main", "argv"),
    [
        (webcam_main, ["--source", ""]),
        (webcam_main, ["--source", "demo", "--output_video", ""]),
        (webcam_main, ["--source", "demo", "--engine", ""]),
        (webcam_main, ["--config", ""]),
        (predict_main, [""]),
        (predict_main, [str(PORTRAIT), "--visualize", ""]),
        (doctor_main, ["--engine", ""]),
    ],
)
def test_an_empty_name_means_nothing(main, argv, capfd):
    assert run_command(main, argv) == 2
    assert capfd.readouterr().err.endswith("is empty\n")


@pytest.mark.parametrize(
    ("main", "argv"),
    [
        (webcam_main, ["--source", f"{LONG}.mp4"]),
        (webcam_main, ["--source", LONG * 20]),
        (webcam_main, ["--source", "demo", "--output_json", f"{LONG}.json"]),
        (webcam_main, ["--source", "demo", "--output_video", f"{LONG}/{LONG}.mp4"]),
        (webcam_main, ["--source", "demo", "--engine", f"{LONG}.onnx"]),
        (webcam_main, ["--source", "demo", "--engine", "."]),
        (webcam_main, ["--source", "demo", "--engine", "/"]),
        (webcam_main, ["--source", "demo", "--temporal_head", f"{LONG}.onnx"]),
        (webcam_main, ["--source", "demo", "--detector", "yunet", "--detector_model", LONG]),
        (webcam_main, ["--config", f"{LONG}.yaml"]),
        (predict_main, [f"{LONG}.jpg", f"{LONG}/{LONG}"]),
        (predict_main, [str(PORTRAIT), "--visualize", LONG]),
        (doctor_main, ["--engine", f"{LONG}.onnx", "--trial_s", "0"]),
    ],
)
def test_a_name_that_is_too_long_is_one_line_and_code_2(folder, main, argv, capfd):
    assert run_command(main, ["--headless", *argv] if main is webcam_main else argv) == 2
    err = capfd.readouterr().err
    assert "Traceback" not in err
    assert err.splitlines()[-1].startswith("error: ")
    assert list(folder.iterdir()) == []

"""No output may be something that is read, by any spelling."""

import os
import shutil
from pathlib import Path

import pytest

from runtime.errors import UserError
from runtime.options.protected_files import model_files, protected_files
from runtime.predict import main as predict_main
from runtime.support.cli import run_command
from runtime.support.files.inputs import check_apart
from runtime.webcam import main as webcam_main
from tests.conftest import PORTRAIT


def webcam(*argv: object) -> int:
    return run_command(webcam_main, ["--headless", *map(str, argv)])


def predict(*argv: object) -> int:
    return run_command(predict_main, [*map(str, argv)])


WAYS = ["path", "dots", "slashes", "symlink", "hardlink", "url", "coded url", "folderlink"]
WAYS += ["home", "pipeline", "descriptor"]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "flag", ["--output_video", "--output_json", "--output_csv", "--output_summary"]
)
def test_no_output_replaces_its_own_input(
    tmp_path, clip, tiny_engine, capsys, way, flag, monkeypatch
):
    video = tmp_path / "videos" / "a.mp4"
    video.parent.mkdir()
    shutil.copy(clip, video)
    source, output = str(video), video
    if way == "dots":
        output = video.parent / ".." / "videos" / "a.mp4"
    elif way == "symlink":
        output = tmp_path / "link.mp4"
        output.symlink_to(video)
    elif way == "hardlink":
        output = tmp_path / "hard.mp4"
        output.hardlink_to(video)
    elif way == "url":
        source = f"file://{video}"
    elif way == "folderlink":
        (tmp_path / "same").symlink_to(video.parent)
        output = tmp_path / "same" / "a.mp4"
    elif way == "slashes":
        output = f"{video.parent}//.///a.mp4"
    elif way == "coded url":
        source = f"FILE://localhost{video.parent}/%61.mp4"
    elif way == "home":
        monkeypatch.setenv("HOME", str(video.parent))
        output = "~/a.mp4"
    elif way == "pipeline":
        source = f'gst:filesrc location="{video}" ! decodebin ! videoconvert ! appsink'
    elif way == "descriptor":
        opened = os.open(video, os.O_RDONLY)
        output = f"/proc/self/fd/{opened}"
    before = video.read_bytes()
    assert webcam("--source", source, "--engine", tiny_engine, flag, output) == 2
    assert "would overwrite a file in use: it is an input" in capsys.readouterr().err
    assert video.read_bytes() == before


def test_no_output_replaces_what_else_is_read(tmp_path, tiny_engine, capsys):
    model = tmp_path / "m.onnx"
    shutil.copy(tiny_engine, model)
    config, ca = tmp_path / "c.yaml", tmp_path / "ca.pem"
    config.write_text(f"engine: {model}\nsource: demo\nheadless: true\nmax_frames: 1\n")
    ca.write_text("x")
    head, detector = tmp_path / "head.onnx", tmp_path / "detector.onnx"
    names = {
        "m.onnx": (),
        "m.json": (),
        "c.yaml": (),
        "ca.pem": ("--tls_ca", ca),
        "head.onnx": ("--temporal_head", head),
        "head.json": ("--temporal_head", head),
        "detector.onnx": ("--detector_model", detector),
    }
    for name, more in names.items():
        before = sorted(tmp_path.iterdir())
        assert webcam("--config", config, *more, "--output_json", tmp_path / name) == 2, name
        assert "would overwrite" in capsys.readouterr().err
        assert sorted(tmp_path.iterdir()) == before
    for name in ("m.onnx", "m.json"):
        assert predict(PORTRAIT, "--engine", model, "--output_json", tmp_path / name) == 2
        assert "would overwrite" in capsys.readouterr().err
    # A plan is built again from the file beside it.
    assert {p.name for p in model_files(Path("a.plan"))} == {
        *("a.plan", "a.plan.json", "a.onnx", "a.json"),
    }


@pytest.mark.parametrize("word", ["default", "main", "fast"])
def test_the_shipped_models_are_inputs_by_their_names(word):
    files = protected_files(word, "cpu", "auto", None)
    assert all(file.is_file() for file in files)
    for file in files:
        with pytest.raises(UserError, match="would overwrite"):
            check_apart({"--output_json": str(file)}, files)


# How it is written.


def test_outputs_stay_apart_from_inputs_and_each_other(tmp_path):
    clip = tmp_path / "clip.mp4"
    check_apart({"--a": None, "--b": "-", "--c": str(tmp_path / "x")}, [clip])
    with pytest.raises(UserError, match="an input"):
        check_apart({"--output_video": str(tmp_path / "." / "clip.mp4")}, [clip])
    with pytest.raises(UserError, match="it is --a"):
        check_apart({"--a": str(tmp_path / "x"), "--b": str(tmp_path / "x")}, [clip])
    with pytest.raises(UserError, match="standard output is taken: it is --a"):
        check_apart({"--a": "-", "--b": "-"}, [clip])


def test_standard_output_has_several_names_and_the_null_device_room_for_all():
    check_apart({"--output_video": os.devnull, "--output_json": os.devnull}, [])
    for name in ("-", "/dev/stdout"):
        with pytest.raises(UserError, match=f"--output_csv {name}: standard output is taken"):
            check_apart({"--output_json": "-", "--output_csv": name}, [])

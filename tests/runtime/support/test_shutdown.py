"""Every stage and output of the command fails, and hangs: what is said, and how it ends."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import REPO, read_back

#: Longest time from Ctrl-C to the end. It is three seconds, and the rest is for a machine
#: under load, where a process takes its time to end.
LIMIT_S = 10.0

#: Makes a method of ours fail or hang, where no real cause can be had; the rest is the command.
_BROKEN = """
import sys, time
from {module} import {kind}
def hang(self, *args, **kwargs):
    print("hanging", file=sys.stderr, flush=True)
    time.sleep(3600)
def fail(self, *args, **kwargs):
    raise ValueError("broke")
{kind}.{method} = {how}
from runtime.support.cli import run_command
from runtime.webcam import main
sys.exit(run_command(main, None))
"""

STAGES = {
    "capture": ("runtime.sources.demo", "DemoSource", "read"),
    "detect": ("runtime.detectors.factory", "CenterFace", "detect"),
    "track": ("runtime.tracking.tracker", "Tracker", "update"),
    "crop": ("runtime.pipeline.recognition", "RecognitionStage", "recognize"),
    "classify": ("runtime.emotion.classifier", "Classifier", "classify"),
    "smooth": ("runtime.emotion.smoothing", "Smoother", "update"),
    "window": ("runtime.sinks.window", "WindowSink", "write"),
}

#: Threads that run these stages.
THREADS = {"capture": "capture", "detect": "detect", "track": "detect"} | dict.fromkeys(
    ("crop", "classify", "smooth"), "classify"
)


def _start(engine: Path, *argv: object, broken: str | None = None) -> subprocess.Popen[str]:
    """The command on the demo, over and over so that it doesn't end by itself."""
    program = ["-m", "runtime.webcam"] if broken is None else ["-c", broken]
    return subprocess.Popen(
        [sys.executable, *program, "--engine", engine, "--source", *["demo"] * 4]
        + [str(a) for a in argv],
        cwd=REPO,
        env={**os.environ, "SDL_VIDEODRIVER": "dummy"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _wait_for(process: subprocess.Popen[str], word: str) -> None:
    """Reads its log up to a line with a word in it."""
    assert process.stderr is not None
    said = ""
    while word not in said:
        line = process.stderr.readline()
        assert line, said
        said += line


def _interrupt(process: subprocess.Popen[str]) -> str:
    """Ctrl-C; what it says then."""
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert time.monotonic() - began < LIMIT_S
    assert "Traceback" not in err
    return err


def _broken(stage: str, how: str) -> str:
    module, kind, method = STAGES[stage]
    return _BROKEN.format(module=module, kind=kind, method=method, how=how)


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_that_fails_is_one_line_with_its_name(tiny_engine: Path, stage: str) -> None:
    headless = "--no-headless" if stage == "window" else "--headless"
    process = _start(tiny_engine, headless, broken=_broken(stage, "fail"))
    _, err = process.communicate(timeout=60)
    if stage == "window":  # no stage of ours, and no fault of the user's
        assert process.returncode == 1
        assert "ValueError: broke" in err
        return
    assert process.returncode == 2, err
    assert err.splitlines()[-1].startswith(f"error: {THREADS[stage]}, frame 0: broke")
    assert "Traceback" not in err


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_that_hangs_is_named_after_ctrl_c(tiny_engine: Path, stage: str) -> None:
    headless = "--no-headless" if stage == "window" else "--headless"
    process = _start(tiny_engine, headless, broken=_broken(stage, "hang"))
    _wait_for(process, "hanging")
    err = _interrupt(process)
    if stage == "window":
        assert process.returncode == 2
        assert "error: the window hangs; ended after 2.8 s" in err
        return
    assert f"WARNING {THREADS[stage]} did not end within 1.5 s" in err
    if stage == "capture":  # a stream may take its time, and all that was read is done
        assert process.returncode == 0
        return
    assert process.returncode == 2
    assert err.splitlines()[-1] == f"error: {THREADS[stage]}: hangs: did not end within 1.5 s"


@pytest.mark.skipif(not hasattr(fcntl, "F_SETPIPE_SZ"), reason="pipes can't be made small here")
@pytest.mark.parametrize("flag", ["--output_json", "--output_csv"])
def test_a_pipe_that_nobody_empties_does_not_hold_up_the_end(
    tiny_engine: Path, tmp_path: Path, flag: str
) -> None:
    pipe, rows = tmp_path / "pipe", tmp_path / "rows"
    os.mkfifo(pipe)
    other = "--output_csv" if flag == "--output_json" else "--output_json"
    process = _start(tiny_engine, "--headless", flag, pipe, other, rows)
    with pipe.open() as reader:
        fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, 4096)
        reader.readline()
        _settle(rows)
        err = _interrupt(process)
    assert process.returncode == 2
    assert err.splitlines()[-1] == f"error: {flag} {pipe} hangs; ended after 2.8 s"
    assert rows.read_text().endswith("\n")


@pytest.mark.skipif(not hasattr(fcntl, "F_SETPIPE_SZ"), reason="pipes can't be made small here")
def test_a_terminal_that_stands_still_does_not_hold_up_the_end(
    tiny_engine: Path, tmp_path: Path
) -> None:
    rows = tmp_path / "o.csv"
    process = _start(tiny_engine, "--headless", "--output_json", "-", "--output_csv", rows)
    assert process.stdout is not None
    fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, 4096)
    process.stdout.readline()
    _settle(rows)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.wait(60)
    assert time.monotonic() - began < LIMIT_S
    assert process.returncode == 2
    assert "error: --output_json - hangs" in process.communicate()[1]


@pytest.mark.skipif(not hasattr(fcntl, "F_SETPIPE_SZ"), reason="pipes can't be made small here")
def test_a_film_that_nobody_takes_does_not_hold_up_the_end(
    tiny_engine: Path, tmp_path: Path
) -> None:
    film, lines = tmp_path / "o.mp4", tmp_path / "o.jsonl"
    os.mkfifo(film)
    argv = ["-m", "runtime.webcam", "--engine", str(tiny_engine), "--source", "demo", "--headless"]
    process = subprocess.Popen(
        [sys.executable, *argv, "--output_video", str(film), "--output_json", str(lines)],
        cwd=REPO,
        stderr=subprocess.PIPE,
        text=True,
    )
    with film.open("rb") as reader:
        fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, 4096)
        reader.read(16)
        _settle(lines)
        err = _interrupt(process)
    assert process.returncode == 2
    assert err.splitlines()[-1] == f"error: --output_video {film} hangs; ended after 2.8 s"
    assert all(json.loads(line) for line in lines.read_text().splitlines())


_SMALL_FILES = """
import resource, sys
from runtime.support.cli import run_command
from runtime.sinks.files.video import VideoSink
open_film = VideoSink._open
def open_small(*args):
    open_film(*args)
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
VideoSink._open = open_small
from runtime.webcam import main
sys.exit(run_command(main, None))
"""


def test_a_film_that_gets_too_large_is_one_line_and_plays(
    tiny_engine: Path, tmp_path: Path
) -> None:
    film, lines = tmp_path / "o.mp4", tmp_path / "o.jsonl"
    process = subprocess.Popen(
        [
            *(sys.executable, "-c", _SMALL_FILES, "--engine", str(tiny_engine), "--headless"),
            *("--source", "demo", "--output_video", str(film), "--output_json", str(lines)),
        ],
        cwd=REPO,
        stderr=subprocess.PIPE,
        text=True,
    )
    _, err = process.communicate(timeout=120)
    assert process.returncode == 2, err
    assert err.splitlines()[-1] == f"error: --output_video {film}: File too large"
    assert len(read_back(film)) >= 5
    assert all(json.loads(line) for line in lines.read_text().splitlines())


def test_receivers_and_askers_that_hang_do_not_hold_up_the_end(tiny_engine: Path) -> None:
    pytest.importorskip("paho.mqtt.client", reason="needs paho-mqtt (the extra mqtt)")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        process = _start(
            tiny_engine, "--headless", "--metrics_port", 0,
            "--mqtt", f"mqtt://127.0.0.1:{port}/a", "--webhook", f"http://127.0.0.1:{port}/",
        )  # fmt: skip
        assert process.stderr is not None
        line = ""
        while "/metrics" not in line:
            line = process.stderr.readline()
        asked = int(line.split("127.0.0.1:")[1].split("/")[0])
        with socket.create_connection(("127.0.0.1", asked)) as asker:
            asker.sendall(b"GET /metr")
            silent.accept()
            silent.accept()
            err = _interrupt(process)
    assert process.returncode == 0, err
    assert err.count("gave up") == 2


def test_ctrl_c_while_a_stream_is_being_opened() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"rtsp://me:secret@127.0.0.1:{silent.getsockname()[1]}/a"
        process = subprocess.Popen(
            [sys.executable, "-m", "runtime.webcam", "--headless", "--source", url],
            cwd=REPO,
            stderr=subprocess.PIPE,
            text=True,
        )
        silent.accept()
        err = _interrupt(process)
    assert process.returncode == 130
    assert err.splitlines()[-1].startswith("interrupted")


def _settle(lines: Path) -> None:
    """Waits until a file grows no more: the command is stuck."""
    before = -1
    while (now := lines.stat().st_size if lines.exists() else 0) != before or not now:
        before = now
        time.sleep(0.7)

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
    "classify": ("runtime.emotion.classifier", "Classifier", "read"),
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
def test_a_video_that_nobody_takes_does_not_hold_up_the_end(
    tiny_engine: Path, tmp_path: Path
) -> None:
    video, lines = tmp_path / "o.mp4", tmp_path / "o.jsonl"
    os.mkfifo(video)
    argv = ["-m", "runtime.webcam", "--engine", str(tiny_engine), "--source", "demo", "--headless"]
    process = subprocess.Popen(
        [sys.executable, *argv, "--output_video", str(video), "--output_json", str(lines)],
        cwd=REPO,
        stderr=subprocess.PIPE,
        text=True,
    )
    with video.open("rb") as reader:
        fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, 4096)
        reader.read(16)
        _settle(lines)
        err = _interrupt(process)
    assert process.returncode == 2
    assert err.splitlines()[-1] == f"error: --output_video {video} hangs; ended after 2.8 s"
    assert all(json.loads(line) for line in lines.read_text().splitlines())


_SMALL_FILES = """
import resource, sys
from runtime.support.cli import run_command
from runtime.sinks.files.video_file import VideoFile
open_video = VideoFile._open
def open_small(*args):
    open_video(*args)
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
VideoFile._open = open_small
from runtime.webcam import main
sys.exit(run_command(main, None))
"""


def test_a_video_that_gets_too_large_is_one_line_and_plays(
    tiny_engine: Path, tmp_path: Path
) -> None:
    video, lines = tmp_path / "o.mp4", tmp_path / "o.jsonl"
    process = subprocess.Popen(
        [
            *(sys.executable, "-c", _SMALL_FILES, "--engine", str(tiny_engine), "--headless"),
            *("--source", "demo", "--output_video", str(video), "--output_json", str(lines)),
        ],
        cwd=REPO,
        stderr=subprocess.PIPE,
        text=True,
    )
    _, err = process.communicate(timeout=120)
    assert process.returncode == 2, err
    assert err.splitlines()[-1] == f"error: --output_video {video}: File too large"
    assert len(read_back(video)) >= 5
    assert all(json.loads(line) for line in lines.read_text().splitlines())


def test_receivers_and_clients_that_hang_do_not_hold_up_the_end(tiny_engine: Path) -> None:
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
        with socket.create_connection(("127.0.0.1", asked)) as client:
            client.sendall(b"GET /metr")
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


#: Ctrl-C comes while the main thread holds the very lock that an end in order needs.
_HOLDS_THE_LOCK = """
import logging, signal, sys, time
from runtime.support.mailbox import Closed, Mailbox
from runtime.support.shutdown import Shutdown
from runtime.support.threads import Stages
logging.basicConfig(level="INFO")
stages, box = Stages(), Mailbox(1)
def stop():
    stages.stop()
    box.close()
locks = {"event": stages._stop._cond, "mailbox": box._changed}
with Shutdown(lambda: None) as shutdown:
    shutdown.stop = stop
    with locks[sys.argv[1]]:
        signal.raise_signal(getattr(signal, sys.argv[2]))
    try:
        while True:
            box.get()
    except Closed:
        print("ended in order", stages.stopped)
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
@pytest.mark.parametrize("lock", ["event", "mailbox"])
def test_a_signal_never_waits_for_a_lock(lock: str, name: str) -> None:
    done = _run_code(_HOLDS_THE_LOCK, lock, name)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "ended in order True\n"
    assert f"stopped by {name}" in done.stderr


@pytest.mark.parametrize("name", ["SIGINT", "SIGHUP"])
def test_what_nohup_ignores_stays_ignored(name: str) -> None:
    code = """
import os, signal
from runtime.support.shutdown import Shutdown
signal.signal(signal.SIGINT, signal.SIG_IGN)
stopped = []
with Shutdown(lambda: None) as shutdown:
    shutdown.stop = lambda: stopped.append(True)
    signal.raise_signal(signal.SIGINT)
    print(signal.getsignal(signal.SIGINT) is signal.SIG_IGN, stopped)
print(signal.getsignal(signal.SIGINT) is signal.SIG_IGN)
"""
    done = _run_code(code.replace("SIGINT", name))
    assert done.stdout.splitlines() == ["True []", "True"], done.stderr


def test_a_second_signal_interrupts_and_handlers_come_back() -> None:
    code = """
import os, signal, threading
from runtime.support.shutdown import Shutdown
before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
fds, threads = os.listdir("/proc/self/fd"), threading.active_count()
stopped = threading.Event()
with Shutdown(lambda: None) as shutdown:
    shutdown.stop = stopped.set
    signal.raise_signal(signal.SIGINT)
    print(stopped.wait(30))
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt:
        print("interrupted")
print(before == (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)))
print(fds == os.listdir("/proc/self/fd"), threads == threading.active_count())
"""
    done = _run_code(code)
    assert done.stdout.splitlines() == ["True", "interrupted", "True", "True True"], done.stderr


def test_a_stop_that_hangs_is_ended_too() -> None:
    code = """
import signal, time
from runtime.support.shutdown import Shutdown
with Shutdown(lambda: "the main thread") as shutdown:
    shutdown.stop = lambda: time.sleep(3600)
    signal.raise_signal(signal.SIGTERM)
    time.sleep(3600)
"""
    began = time.monotonic()
    done = _run_code(code)
    assert time.monotonic() - began < LIMIT_S
    assert done.returncode == 2
    assert done.stderr == "error: the main thread hangs; ended after 2.8 s\n"


def _run_code(code: str, *argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *argv],
        cwd=REPO,
        capture_output=True,
        text=True,
        timeout=60,
    )


def _settle(lines: Path) -> None:
    """Waits until a file grows no more: the command is stuck."""
    before = -1
    while (now := lines.stat().st_size if lines.exists() else 0) != before or not now:
        before = now
        time.sleep(0.7)

"""A real RTSP server on loopback (GStreamer's), killed and started again under our sources."""

import functools
import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing
from itertools import pairwise

import pytest

from runtime.errors import SourceError
from runtime.sources.decoders import base
from runtime.sources.factory import open_source
from runtime.support import backoff as retry
from tests.conftest import REPO

SCRIPT = REPO / "tests" / "support" / "rtsp_server.py"


@functools.cache
def _python() -> str | None:
    """A Python that has GStreamer's server: ours, or the system's."""
    probe = (
        "import gi; gi.require_version('GstRtspServer', '1.0'); "
        "from gi.repository import Gst, GstRtspServer; "
        "Gst.init(None); exit(Gst.ElementFactory.find('x264enc') is None)"
    )
    for python in (sys.executable, "/usr/bin/python3"):
        if (
            shutil.which(python)
            and not subprocess.run([python, "-c", probe], capture_output=True).returncode
        ):
            return python
    return None


class Camera:
    """The server as a process."""

    def __init__(self, width: int, height: int, port: int = 0) -> None:
        if not port:
            with socket.create_server(("127.0.0.1", 0)) as free:
                port = free.getsockname()[1]
        self.port = port
        python = _python()
        assert python
        self._process = subprocess.Popen(
            [python, SCRIPT, str(port), str(width), str(height)], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "listening\n"

    def url(self, password: str = "secret", path: str = "cam") -> str:
        return f"rtsp://me:{password}@127.0.0.1:{self.port}/{path}"

    @property
    def pid(self) -> int:
        return self._process.pid

    def kill(self) -> None:
        """Ends it as a crash does."""
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def __enter__(self) -> "Camera":
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()


@pytest.fixture(autouse=True)
def _server():
    if _python() is None:
        pytest.skip(
            "needs GStreamer's RTSP server (apt-get install python3-gi gir1.2-gst-rtsp-server-1.0 "
            "gstreamer1.0-plugins-good gstreamer1.0-plugins-ugly)"
        )


def _held() -> tuple[int, int]:
    return len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))


def test_a_camera_survives_its_death_and_comes_back_with_another_size(monkeypatch, caplog):
    monkeypatch.setattr(retry, "_PAUSES_S", (0.1, 5.0))
    pauses: list[float] = []
    next_s = retry.Pauses.next_s
    monkeypatch.setattr(
        retry.Pauses, "next_s", lambda self: pauses.append(next_s(self)) or pauses[-1]
    )
    caplog.set_level(logging.DEBUG)
    with Camera(320, 240) as first:
        source = open_source(first.url(), reconnect_s=120)
        got = [source.read() for _ in range(20)]
        first.kill()
        again: list[Camera] = []

        def restart() -> None:
            while source.connected or len(pauses) < 3:
                time.sleep(0.01)
            again.append(Camera(640, 480, first.port))

        thread = threading.Thread(target=restart)
        thread.start()
        while got[-1].picture.bgr().shape != (480, 640, 3):
            got.append(source.read())
        got += [source.read() for _ in range(20)]
        thread.join()
        source.close()
        again[0].kill()
    assert {frame.picture.bgr().shape for frame in got} == {(240, 320, 3), (480, 640, 3)}
    times = [frame.time_s for frame in got]
    assert times == sorted(set(times))
    assert source.reconnects == 1
    assert all(after > 1.5 * before for before, after in pairwise(pauses))
    assert {frame.reconnects for frame in got if frame.picture.width == 320} == {0}
    assert {frame.reconnects for frame in got if frame.picture.width == 640} == {1}
    assert "not back yet: can't be reached (Connection refused)" in caplog.text
    for word in ("lost, trying again", "back after"):
        assert f"rtsp://127.0.0.1:{first.port}: {word}" in caplog.text
    assert "secret" not in caplog.text


@pytest.mark.slow
def test_cameras_that_die_again_and_again_leave_nothing_behind(monkeypatch):
    monkeypatch.setattr(retry, "_PAUSES_S", (0.1, 0.2))
    seen = []
    camera = Camera(320, 240)
    with closing(open_source(camera.url(), reconnect_s=120)) as source:
        for number in range(1, 7):
            camera.kill()
            camera = Camera(320, 240, camera.port)
            while source.reconnects < number:
                source.read()
            seen.append(_held())
    camera.kill()
    assert seen[-1] == seen[0]


def test_a_camera_that_falls_silent_is_lost_at_the_first_silence(monkeypatch):
    monkeypatch.setattr(retry, "_PAUSES_S", (0.1, 0.2))
    monkeypatch.setattr(base, "TIMEOUT_S", 2.0)
    with Camera(320, 240) as camera:
        source = open_source(camera.url(), reconnect_s=120)
        for _ in range(20):
            source.read()
        os.kill(camera.pid, signal.SIGSTOP)
        timer = threading.Timer(5, os.kill, (camera.pid, signal.SIGCONT))
        timer.start()
        slow = []
        while not source.reconnects:
            began = time.monotonic()
            source.read()
            if time.monotonic() - began > 1.9:
                slow.append(source.reconnects)
        source.close()
        timer.join()
    assert slow == [1], "no frame that the decoder still held comes seconds later"


def test_a_wrong_password_is_one_line_without_it():
    with (
        Camera(320, 240) as camera,
        pytest.raises(SourceError, match="another user and password") as error,
    ):
        open_source(camera.url("wr0ng"))
    assert "wr0ng" not in str(error.value)


def test_what_the_server_lacks_is_told():
    with Camera(320, 240) as camera:
        for path, words in (("nope", "404 Not Found"), ("sound", "sound only, no video")):
            with pytest.raises(SourceError, match=words):
                open_source(camera.url(path=path))


def test_a_reconnect_that_fails_says_why(monkeypatch):
    monkeypatch.setattr(retry, "_PAUSES_S", (0.1, 0.2))
    with Camera(320, 240) as first:
        source = open_source(first.url(), reconnect_s=2)
        source.read()
        first.kill()
        with pytest.raises(SourceError, match=r"not back within 2 s: can't be reached \(Conn"):
            while True:
                source.read()
        source.close()


@pytest.mark.parametrize("transport", ["auto", "tcp", "udp"])
def test_pictures_come_by_tcp_and_by_udp(transport):
    with Camera(320, 240) as camera:
        with closing(open_source(camera.url(), rtsp_transport=transport)) as source:
            assert [source.read().picture.width for _ in range(5)] == [320] * 5
            sockets = _udp_sockets()
        assert bool(sockets) == (transport == "udp")


def _udp_sockets() -> set[str]:
    """Inodes of this process's UDP sockets."""
    with open("/proc/net/udp") as table:
        there = {line.split()[9] for line in table.readlines()[1:]}
    mine = set()
    for name in os.listdir("/proc/self/fd"):
        try:
            mine.add(os.readlink(f"/proc/self/fd/{name}").removeprefix("socket:[").rstrip("]"))
        except OSError:
            pass
    return there & mine


def test_the_command_says_what_happens_and_goes_on(tmp_path, tiny_engine):
    lines = tmp_path / "o.jsonl"

    def wait_for(what) -> None:
        deadline = time.monotonic() + 90
        while not what() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)

    def widths() -> list[int]:
        text = lines.read_text() if lines.exists() else ""
        return [json.loads(line)["width"] for line in text.splitlines(True) if line[-1] == "\n"]

    with Camera(320, 240) as first:
        flags = ["--engine", str(tiny_engine), "--source", first.url(), "--headless", "--verbose"]
        process = subprocess.Popen(
            [sys.executable, "-m", "runtime.webcam", *flags, "--output_json", str(lines)],
            cwd=REPO,
            stderr=subprocess.PIPE,
            text=True,
        )
        wait_for(lambda: len(widths()) >= 10)
        first.kill()
        with Camera(640, 480, first.port):
            wait_for(lambda: widths().count(640) >= 10)
            process.send_signal(signal.SIGINT)
            err = process.communicate(timeout=60)[1]
    assert process.returncode == 0, err
    assert set(widths()) == {320, 640}
    assert ": lost, trying again" in err
    assert ": back after" in err
    assert "1 reconnects" in err
    assert "secret" not in err
    assert "Traceback" not in err

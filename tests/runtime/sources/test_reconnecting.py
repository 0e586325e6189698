"""Live sources that are lost and come back; no camera, loopback only."""

import itertools
import logging
import math
import os
import socket
import threading
import time

import numpy as np
import pytest

from runtime import Pipeline
from runtime.errors import SourceError
from runtime.sources.decoders import base
from runtime.sources.factory import open_source
from runtime.sources.reconnecting import ReconnectingSource
from runtime.support import backoff as retry
from runtime.support.backoff import Pauses
from runtime.vision.picture import Picture
from tests.support.fakes import Brain, Finder
from tests.support.streams import Server, jpegs


class Camera:
    """A capture that gives `count` frames and then nothing; counts those that are open."""

    opened = 0

    def __init__(self, count, size=(48, 64), broken=()):
        self.count, self.size, self.broken, self.index = count, size, broken, 0
        self.released = self.ended = False
        self.fps, self.frames = 0.0, 0
        Camera.opened += 1

    def read(self):
        assert not self.released, "read after it was freed"
        self.index += 1
        if self.index in self.broken or self.index > self.count:
            return None
        return Picture(np.zeros((*self.size, 3), np.uint8)), 0.0

    def interrupt(self):
        pass

    def close(self):
        assert not self.released, "freed twice"
        self.released = True
        Camera.opened -= 1


class Clock:
    """Time that passes only in pauses, which it keeps."""

    def __init__(self):
        self.now, self.pauses = 100.0, []

    def __call__(self):
        self.now += 1e-3
        return self.now

    def wait(self, seconds):
        self.pauses.append(seconds)
        self.now += seconds
        return False


@pytest.fixture(autouse=True)
def _none_left_open():
    Camera.opened = 0
    yield
    assert Camera.opened == 0


def make(cameras, reconnect_s=math.inf, clock=None):
    """A source whose first capture is the first of `cameras`; None can't be opened."""
    cameras, clock = iter(cameras), clock or Clock()
    return ReconnectingSource(
        next(cameras),
        "camera 7",
        lambda: next(cameras),
        reconnect_s,
        clock=clock,
        wait=clock.wait,
        pauses=Pauses(lambda: 0.0),
    )


def test_pauses_double_up_to_a_longest_and_are_a_little_uneven():
    pauses = Pauses(lambda: 0.0)
    assert [pauses.next_s() for _ in range(9)] == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    pauses.reset()
    assert pauses.next_s() == 0.5
    assert Pauses(lambda: 1.0).next_s() == pytest.approx(0.4)
    forever = Pauses()
    assert all(forever.next_s() <= 30 for _ in range(3000))


def test_a_lost_camera_comes_back_with_another_size_and_time_goes_on(caplog):
    clock = Clock()
    source = make([Camera(3), None, None, Camera(0), Camera(3, (96, 128))], clock=clock)
    with caplog.at_level(logging.INFO):
        got = [source.read() for _ in range(6)]
    assert [frame.picture.bgr().shape[:2] for frame in got] == [(48, 64)] * 3 + [(96, 128)] * 3
    times = [frame.time_s for frame in got]
    assert times == sorted(set(times))
    # The opening that gave no frame counts as one more failure.
    assert clock.pauses == [0.5, 1, 2, 4]
    assert times[3] - times[2] == pytest.approx(7.5, abs=0.1)
    assert source.reconnects == 1
    assert source.connected
    assert [r.getMessage() for r in caplog.records] == [
        "camera 7: lost, trying again",
        "camera 7: back after 7.5 s",
    ]
    source.close()
    source.close()


def test_a_connection_that_never_holds_is_not_hammered():
    clock = Clock()
    source = make((Camera(1) for _ in range(12)), clock=clock)
    for _ in range(12):
        source.read()
    assert clock.pauses == [0.5, 1, 2, 4, 8, 16, 30, 30, 30, 30, 30]
    source.close()


def test_one_that_held_for_long_is_looked_for_soon():
    clock = Clock()
    source = make((Camera(1) for _ in range(4)), clock=clock)
    for _ in range(4):
        source.read()
        clock.now += 60
    assert clock.pauses == [0.5, 0.5, 0.5]
    source.close()


def test_it_gives_up_after_the_time_it_was_given():
    clock = Clock()
    source = make(itertools.chain([Camera(1)], itertools.repeat(None)), 5, clock)
    source.read()
    with pytest.raises(SourceError, match="camera 7: lost, and not back within 5 s"):
        source.read()
    assert clock.pauses == pytest.approx([0.5, 1, 2, 1.5], abs=0.1)
    assert not source.connected
    source.close()


def test_the_last_reason_is_told_at_the_end(caplog):
    reasons = iter(["asks for a password", "asks for a password", "not found"])

    def connect():
        raise SourceError(next(reasons))

    clock = Clock()
    camera = Camera(1)
    camera.failure = "the server ended the stream"
    source = ReconnectingSource(
        camera, "door", connect, 3, clock=clock, wait=clock.wait, pauses=Pauses(lambda: 0.0)
    )
    source.read()
    with caplog.at_level(logging.WARNING), pytest.raises(SourceError) as error:
        source.read()
    assert str(error.value) == "--source door: lost, and not back within 3 s: not found"
    assert [r.getMessage() for r in caplog.records] == [
        "door: lost, trying again: the server ended the stream",
        "door: not back yet: asks for a password",
        "door: not back yet: not found",
    ]
    source.close()


def test_every_frame_says_how_often_its_source_came_back():
    source = make([Camera(2), Camera(1), Camera(2)])
    assert [source.read().reconnects for _ in range(5)] == [0, 0, 1, 2, 2]
    source.close()


def test_no_time_to_come_back_is_an_error_at_once():
    source = make([Camera(1)], 0)
    source.read()
    with pytest.raises(SourceError, match="gives no more frames"):
        source.read()


def test_broken_frames_are_no_loss():
    source = make([Camera(40, broken=(3, 4, 5, 9))])
    for _ in range(36):
        source.read()
    assert source.reconnects == 0
    source.close()


def test_an_interrupt_ends_a_pause_at_once_and_lasts():
    source = ReconnectingSource(Camera(1), "x", lambda: None, pauses=Pauses(lambda: 0.0))
    source.read()
    got = []
    thread = threading.Thread(target=lambda: got.append(source.read()))
    thread.start()
    while source.connected:
        time.sleep(0.005)
    source.interrupt()
    thread.join(20)
    assert got == [None]
    assert source.read() is None
    source.close()


def test_an_interrupt_while_it_opens_leaves_nothing_open():
    def connect():
        source.interrupt()
        return Camera(5)

    clock = Clock()
    source = ReconnectingSource(Camera(1), "x", connect, clock=clock, wait=clock.wait)
    source.read()
    assert source.read() is None
    assert Camera.opened == 0


def test_a_frame_from_before_a_silence_is_no_sign_of_life():
    clock = Clock()

    class Silent(Camera):
        def read(self):
            clock.now += 5.0 if self.index >= 3 else 0.0
            return super().read()

    source = make([Silent(20), Camera(2, (96, 128))], clock=clock)
    shapes = [source.read().picture.height for _ in range(4)]
    assert shapes == [48, 48, 48, 96]
    source.close()


def test_fifty_losses_leave_no_handle():
    source = make(Camera(2) if i % 3 else None for i in range(1, 200))
    while source.reconnects < 50:
        source.read()
        assert Camera.opened <= 1
    source.close()


# A real server.


@pytest.fixture
def quick(monkeypatch):
    """Short pauses and limits, so that the tests are."""
    monkeypatch.setattr(retry, "_PAUSES_S", (0.02, 0.1))
    monkeypatch.setattr(base, "TIMEOUT_S", 3.0)


def test_a_stream_survives_its_servers_death(quick, caplog):
    with Server(jpegs(64, 48)) as first, caplog.at_level(logging.INFO):
        source = open_source(first.url, reconnect_s=60)
        before = [source.read() for _ in range(5)]
        first.kill()
        again: list[Server] = []

        def restart():
            while source.connected:
                time.sleep(0.01)
            time.sleep(0.2)
            again.append(Server(jpegs(128, 96), first.server_port))

        thread = threading.Thread(target=restart)
        thread.start()
        after: list = []
        while len(after) < 5:
            got = source.read()
            (before if got.picture.bgr().shape == (48, 64, 3) else after).append(got)
        thread.join()
        again[0].kill()
    source.close()
    assert {frame.picture.bgr().shape for frame in after} == {(96, 128, 3)}
    times = [frame.time_s for frame in before + after]
    assert times == sorted(set(times))
    assert source.reconnects == 1
    lines = [r.getMessage() for r in caplog.records]
    assert len(lines) == 3
    assert "lost" in lines[0]
    assert "not back yet: can't be reached (Connection refused)" in lines[1]
    assert "back after" in lines[2]
    assert "secret" not in caplog.text
    assert "me:" not in caplog.text


def test_a_stream_that_falls_silent_is_lost_and_regained(quick, monkeypatch):
    monkeypatch.setattr(base, "TIMEOUT_S", 1.5)
    with Server(jpegs(64, 48), stall_after=12) as server:
        source = open_source(server.url)
        while not source.reconnects:
            source.read()
        source.close()
        assert server.asked >= 2


def test_a_stream_that_stays_away_is_given_up(quick):
    with Server(jpegs(64, 48)) as server:
        source = open_source(server.url, reconnect_s=0.5)
        source.read()
        server.kill()
        with pytest.raises(SourceError, match="not back within 0.5 s") as error:
            while True:
                source.read()
    source.close()
    assert "secret" not in str(error.value)


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="no /proc to count handles in")
def test_fifty_real_reconnects_leave_no_handle_and_no_thread(quick, monkeypatch):
    monkeypatch.setattr(retry, "_PAUSES_S", (0.005, 0.005))

    def held() -> tuple[int, int]:
        return len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))

    with Server(jpegs(32, 32, 6), pace_s=0.0, most=6) as server:
        source = open_source(server.url)
        seen = []
        while source.reconnects < 52:
            before = source.reconnects
            source.read()
            if source.reconnects != before:
                seen.append(held())
        source.close()
    # Room for the server's own lines, of which one or two may not be gone yet.
    early, late = seen[1], seen[-1]
    assert late[0] <= early[0] + 5
    assert late[1] <= early[1] + 5


def test_a_stream_that_comes_late_is_found_and_holds_up_nothing(quick, caplog):
    with Server(jpegs(64, 48)) as first:
        url = first.url
    with socket.create_server(("127.0.0.1", 0)) as other:
        dead = f"rtsp://me:secret@127.0.0.1:{other.getsockname()[1]}/dead"
    with Server(jpegs(64, 48)) as there, caplog.at_level(logging.INFO):
        with Pipeline([url, there.url, dead], Brain(), Finder(), reconnect_s=60) as pipeline:
            states: list[list[str]] = []
            seen: set[int] = set()
            late: list[Server] = []
            for result in pipeline:
                seen.add(result.stream)
                if not late and result.stream == 1 and result.frame >= 5:
                    states.append(_states(pipeline))
                    late.append(Server(jpegs(128, 96), first.server_port))
                if result.stream == 0:
                    assert result.image.shape == (96, 128, 3)
                    states.append(_states(pipeline))
                    pipeline.stop()
        late[0].kill()
    assert states[0] == ["reconnecting", "running", "reconnecting"]
    assert states[1] == ["running", "running", "reconnecting"]
    assert _states(pipeline) == ["stopped"] * 3
    assert seen == {0, 1}
    assert "can't be reached (Connection refused); trying again" in caplog.text
    assert "there now" in caplog.text
    assert "secret" not in caplog.text


def test_a_source_that_never_comes_does_not_hold_up_the_end(quick, clip, caplog):
    with Pipeline([str(clip), "97"], Brain(), Finder()) as pipeline:
        assert len(list(pipeline)) == 40
    assert _states(pipeline) == ["ended", "failed"]
    assert caplog.text.count("camera 97 can't be opened") == 2


def test_a_source_that_does_not_come_in_time_fails_alone(quick, caplog):
    with (
        Server(jpegs(64, 48)) as there,
        Pipeline([there.url, "97"], Brain(), Finder(), reconnect_s=0.3) as pipeline,
    ):
        for _ in pipeline:
            if _states(pipeline) == ["running", "failed"]:
                break
    assert caplog.text.count("camera 97 can't be opened") == 2


def _states(pipeline):
    return [stream["state"] for stream in pipeline.metrics.summary()["streams"]]

"""Live playlists: each frame when it is due, none lost."""

import math
import threading

import numpy as np
import pytest

from runtime.pipeline.pipeline import Pipeline
from runtime.sources.decoders.paced import PacedCapture
from runtime.vision.picture import Picture
from tests.support.fakes import Brain, Finder
from tests.support.web import Web, ffmpeg

PICTURE = Picture(np.zeros((2, 2, 3), np.uint8))


class Parts:
    """A capture that gives stamps as a script says: (stamp, seconds that the read took)."""

    fps, frames, ended, failure = 10.0, 0, False, "gone"

    def __init__(self, script):
        self.now, self.script, self.interrupted = 100.0, iter(script), False

    def read(self):
        step = next(self.script, None)
        if step is None:
            return None
        stamp, took_s = step
        self.now += took_s
        return PICTURE, stamp

    def interrupt(self):
        self.interrupted = True

    def close(self):
        self.now = math.nan


def times(script):
    """When each frame is given."""
    parts = Parts(script)

    def wait(seconds):
        parts.now += seconds

    capture = PacedCapture(parts, 30.0, clock=lambda: parts.now, wait=wait)
    given = []
    while capture.read() is not None:
        given.append(round(parts.now - 100, 6))
    return given


def test_what_comes_at_once_is_given_at_its_own_pace():
    assert times([(7.0, 0.0), (7.5, 0.0), (8.0, 0.0), (8.25, 0.0)]) == [0, 0.5, 1, 1.25]


def test_what_is_a_little_late_is_caught_up_with():
    assert times([(0.0, 0.0), (0.1, 0.3), (0.2, 0.0), (0.4, 0.0)]) == [0, 0.3, 0.3, 0.4]


def test_a_stall_moves_what_follows():
    assert times([(0.0, 0.0), (1.0, 9.0), (2.0, 0.0)]) == [0, 9, 10]


@pytest.mark.parametrize("stamp", [5000.0, -5000.0, None])
def test_a_jump_of_the_stamps_is_no_wait(stamp):
    later = 0.0 if stamp is None else stamp
    assert times([(0.0, 0.0), (stamp, 0.0), (later + 0.5, 0.0)]) == [0, 0, 0.5]


def test_an_interrupt_ends_the_waiting():
    parts = Parts([(0.0, 0.0), (9.0, 0.0)])
    capture = PacedCapture(parts, 30.0, clock=lambda: parts.now)
    capture.read()
    threading.Timer(0.05, capture.interrupt).start()
    assert capture.read() is not None
    assert parts.interrupted
    assert capture.failure == "gone"


def live_playlist(tmp_path):
    """Answers of a server whose playlist grows by a part a second, from three to five."""
    ffmpeg(
        *("-f", "lavfi", "-i", "testsrc=size=64x48:rate=10:duration=5", "-g", 10),
        *("-f", "segment", "-segment_time", 1, tmp_path / "part%d.ts"),
    )
    parts = sorted(tmp_path.glob("part*.ts"))
    assert len(parts) == 5
    asked = []

    def playlist(handler):
        # Each time it is asked, a part more is there.
        asked.append(1)
        there = parts[: min(5, 2 + len(asked))]
        lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:1", "#EXT-X-MEDIA-SEQUENCE:0"]
        for part in there:
            lines += ["#EXTINF:1.0,", part.name]
        handler.head("text/plain")
        handler.send(("\n".join(lines) + "\n").encode())

    def part(number):
        def answer(handler):
            handler.head("video/mp2t")
            handler.send(parts[number].read_bytes())

        return answer

    return {"live": playlist, **{f"part{number}": part(number) for number in range(5)}}


def test_no_part_of_a_live_playlist_is_lost(tmp_path):
    with Web(**live_playlist(tmp_path)) as server:
        source = server.url("live.m3u8")
        pipeline = Pipeline([source], Brain(), Finder(), reconnect_s=60, max_frames=40)
        results = list(pipeline)
    assert len(results) == 40
    assert pipeline.metrics.summary()["dropped"] == 0
    assert pipeline.metrics.summary()["streams"][0]["reconnects"] == 0

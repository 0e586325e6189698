import json
import signal
import subprocess
import sys
import time
from dataclasses import replace

import av
import numpy as np
import pytest

from runtime.errors import UserError
from runtime.sinks.files.jsonl import JsonSink
from runtime.sinks.files.video import VideoSink
from tests.conftest import REPO, read_back
from tests.runtime.sinks.conftest import result


@pytest.mark.parametrize("kind", ["json", "video"])
def test_unwritable_places_fail_before_any_work(tmp_path, kind):
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file" / "x.mp4", tmp_path):
        with pytest.raises(UserError, match="--output_"):
            if kind == "json":
                JsonSink(str(path))
            else:
                VideoSink(path, 25)


def test_video_must_have_a_known_suffix(tmp_path):
    with pytest.raises(UserError, match="must end in"):
        VideoSink(tmp_path / "x.txt", 25)


def test_video_is_h264_with_every_frame(tmp_path):
    path = tmp_path / "v.mp4"
    sink = VideoSink(path, 25)
    for i in range(30):
        sink.write(result(i))
    sink.close()
    frames = read_back(path)
    assert len(frames) == 30
    assert frames[0].shape == (240, 320, 3)
    assert b"avc1" in path.read_bytes()


def test_video_follows_the_source_s_time(tmp_path):
    path = tmp_path / "v.mp4"
    sink = VideoSink(path, 20)
    for i in range(0, 40, 4):  # a live source that dropped three of four frames
        sink.write(result(i, fps=20))
    sink.close()
    assert times(path) == pytest.approx([i / 20 for i in range(0, 40, 4)], abs=1e-3)


def test_a_hold_costs_no_frame(tmp_path):
    path = tmp_path / "v.mp4"
    sink = VideoSink(path, 1000)
    for i in range(10):
        sink.write(replace(result(i, (64, 64)), time_s=i * 10.0))
    sink.close()
    assert times(path) == pytest.approx([i * 10.0 for i in range(10)], abs=1e-3)


def test_a_time_that_goes_back_goes_on(tmp_path):
    path = tmp_path / "v.mkv"
    sink = VideoSink(path, 25)
    for time_s in (5.0, 5.04, 5.04, 1.0, 1.04):
        sink.write(replace(result(0, (64, 64)), time_s=time_s))
    sink.close()
    assert times(path) == pytest.approx([0, 0.04, 0.08, 0.12, 0.16], abs=2e-3)


@pytest.mark.parametrize("jitter", [0.0, 0.002, 0.005])
def test_jitter_of_the_clock_loses_and_repeats_nothing(tmp_path, jitter):
    rng = np.random.default_rng(0)
    sink = VideoSink(tmp_path / "v.mp4", 30)
    for i in range(60):
        base = result(i, (64, 64))
        sink.write(replace(base, time_s=i / 30 + rng.uniform(-jitter, jitter)))
    sink.close()
    assert len(times(tmp_path / "v.mp4")) == 60


def times(path):
    """When each frame of a video is shown, in seconds."""
    with av.open(str(path)) as video:
        return [frame.time for frame in video.decode(video=0)]


def test_video_of_odd_and_changing_sizes(tmp_path):
    path = tmp_path / "v.mp4"
    sink = VideoSink(path, 25)
    for i, size in enumerate([(121, 161), (121, 161), (480, 640), (64, 64)]):
        sink.write(result(i, size))
    sink.close()
    frames = read_back(path)
    assert [f.shape for f in frames] == [(120, 160, 3)] * 4


def test_a_folder_that_goes_away_is_one_line(tmp_path):
    folder = tmp_path / "gone"
    sink = VideoSink(folder / "v.mp4", 25)
    folder.write_text("a file in its place")
    with pytest.raises(UserError, match="--output_video"):
        for i in range(200):
            sink.write(result(i))


_ENDLESS = """
import sys
from pathlib import Path
sys.path.insert(0, ".")
from runtime.sinks.files.jsonl import JsonSink
from runtime.sinks.files.video import VideoSink
from tests.runtime.sinks.conftest import result
video, lines = VideoSink(Path(sys.argv[1]), 25), JsonSink(sys.argv[2])
i = 0
while True:
    video.write(result(i)); lines.write(result(i)); i += 1
    if i == 150: print("ready", flush=True)
"""


def test_what_was_written_survives_kill_9(tmp_path):
    video, lines = tmp_path / "v.mp4", tmp_path / "v.jsonl"
    process = subprocess.Popen(
        [sys.executable, "-c", _ENDLESS, str(video), str(lines)], cwd=REPO, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    written = lines.read_text().splitlines()
    for line in written[:-1]:
        json.loads(line)
    deadline = time.monotonic() + 20
    frames = []
    while len(frames) < 100 and time.monotonic() < deadline:
        frames = read_back(video)  # FFmpeg may still be finishing
    assert len(frames) >= 100

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from runtime.errors import UserError
from runtime.messages import EmotionResult, FrameResult
from runtime.sinks.files.jsonl import JsonSink
from runtime.sinks.files.video import VideoSink
from runtime.support.files.writing import check_apart, write_whole
from runtime.vision.draw import annotate
from tests.conftest import REPO, read_back
from tests.runtime.sinks.conftest import result


def test_json_lines_hold_the_documented_object(tmp_path):
    path = tmp_path / "new" / "out.jsonl"
    sink = JsonSink(str(path))
    sink.write(result(0))
    sink.write(result(1, faces=0))
    first, second = (json.loads(line) for line in path.read_text().splitlines())  # before close
    sink.close()
    sink.close()
    assert first == {
        "schema": 1,
        "stream": 0,
        "frame": 0,
        "time_s": 0.0,
        "width": 320,
        "height": 240,
        "faces": [
            {
                "track": 3,
                "box": [50.0, 60.0, 150.0, 170.0],
                "score": 0.9,
                "emotion": "happiness",
                "confidence": 0.8,
                "uncertain": False,
                "probabilities": {"happiness": 0.8},
            }
        ],
        "latency_ms": 12.35,
    }
    assert second["faces"] == []


def test_an_older_output_stays_until_there_is_a_result(tmp_path):
    path = tmp_path / "out.jsonl"
    path.write_text("old\n")
    JsonSink(str(path)).close()
    assert path.read_text() == "old\n"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
def test_a_full_disk_is_one_line():
    with pytest.raises(UserError, match="No space left"):
        JsonSink("/dev/full").write(result())


def test_a_half_written_line_is_taken_back(tmp_path, monkeypatch):
    path = tmp_path / "out.jsonl"
    sink = JsonSink(str(path))
    sink.write(result(0))
    whole = path.read_bytes()
    real = os.write
    room = [20]

    def nearly_full(fd: int, data: bytes) -> int:
        if not room[0]:
            raise OSError(28, "No space left on device")
        taken = real(fd, data[: room[0]])
        room[0] -= taken
        return taken

    monkeypatch.setattr(os, "write", nearly_full)
    with pytest.raises(UserError, match="No space left"):
        sink.write(result(1))
    assert path.read_bytes() == whole


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
    """When each frame of a film is shown, in seconds."""
    with av.open(str(path)) as film:
        return [frame.time for frame in film.decode(video=0)]


def test_json_goes_through_a_pipe(tmp_path):
    path = tmp_path / "fifo"
    os.mkfifo(path)
    got: list[str] = []
    reader = threading.Thread(target=lambda: got.append(path.read_text()))
    reader.start()
    sink = JsonSink(str(path))
    sink.write(result(0))
    sink.write(result(1))
    sink.close()
    reader.join(10)
    assert [json.loads(line)["frame"] for line in got[0].splitlines()] == [0, 1]


def test_outputs_stay_apart_from_inputs_and_each_other(tmp_path):
    clip = tmp_path / "clip.mp4"
    check_apart({"--a": None, "--b": "-", "--c": str(tmp_path / "x")}, [clip])
    with pytest.raises(UserError, match="an input"):
        check_apart({"--output_video": str(tmp_path / "." / "clip.mp4")}, [clip])
    with pytest.raises(UserError, match="it is --a"):
        check_apart({"--a": str(tmp_path / "x"), "--b": str(tmp_path / "x")}, [clip])
    with pytest.raises(UserError, match="standard output is taken: it is --a"):
        check_apart({"--a": "-", "--b": "-"}, [clip])


def test_a_whole_file_takes_the_place_of_an_older_one(tmp_path):
    path, link = tmp_path / "s.json", tmp_path / "link"
    path.write_text("old")
    link.symlink_to(path)
    write_whole(path, "new", "--output_summary")
    assert path.read_text() == "new"
    write_whole(link, "newer", "--output_summary")
    assert not link.is_symlink()
    assert (path.read_text(), link.read_text()) == ("new", "newer")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["link", "s.json"]


def test_a_whole_file_that_fails_leaves_the_older_one(tmp_path, monkeypatch):
    path = tmp_path / "s.json"
    path.write_text("old")

    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match="No space left"):
        write_whole(path, "new", "--output_summary")
    assert [p.name for p in tmp_path.iterdir()] == ["s.json"]
    assert path.read_text() == "old"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
def test_a_device_is_written_to_not_replaced():
    with pytest.raises(UserError, match="No space left"):
        write_whole(Path("/dev/full"), "new", "--output_summary")
    assert not os.path.isfile("/dev/full")


def test_a_frame_of_a_folder_has_its_path_and_its_time():
    got = replace(result(2), name="a.png").to_dict()
    assert (got["path"], got["stream"], got["frame"]) == ("a.png", 0, 2)


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
    folder.rmdir()
    with pytest.raises(UserError, match="--output_video"):
        for i in range(200):
            sink.write(result(i))


_ENDLESS = """
import sys
from pathlib import Path
sys.path.insert(0, ".")
from runtime.support.files.writing import check_apart
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


def test_annotation_leaves_the_frame_alone_and_stays_inside():
    image = np.zeros((90, 120, 3), np.uint8)
    box = (-20.0, -30.0, 300.0, 200.0)
    face = EmotionResult(1, box, 0.9, "fear", 0.5, True, {"fear": 0.5})
    out = annotate(FrameResult(0, 0, 0.0, image, (face,), 1.0), "12 FPS")
    assert image.max() == 0
    assert out.max() > 0
    assert out.shape == image.shape

"""The frames of an open container."""

import os
import subprocess
import sys

import cv2
import numpy as np
import pytest

from runtime.errors import SourceError
from runtime.sources.decoders import ffmpeg as media
from runtime.vision.picture import FrameConverter
from tests.conftest import REPO, write_video
from tests.support.web import count, ffmpeg, jpeg

_BOMB = """
import resource, sys
from runtime.sources.factory import open_source
resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
source, frames = open_source(sys.argv[1], reconnect_s=0), 0
try:
    while source.read() is not None:
        frames += 1
except Exception as error:
    print(type(error).__name__, error)
# Not getrusage's figure, which begins with that of the process that started this one.
peak = next(x for x in open("/proc/self/status") if x.startswith("VmHWM"))
print(frames, int(peak.split()[1]) // 1024)
"""


def test_a_turned_video_stands_upright(tmp_path, portrait):
    flat, turned = tmp_path / "flat.mp4", tmp_path / "turned.mp4"
    write_video(flat, [portrait[:256]] * 5)
    ffmpeg("-display_rotation", "90", "-i", flat, "-c", "copy", turned)
    (upright, _), (raw, _) = media.open_file(turned).read(), media.open_file(flat).read()
    wanted = cv2.rotate(raw.bgr(), cv2.ROTATE_90_COUNTERCLOCKWISE)
    assert (upright.height, upright.width) == wanted.shape[:2] == upright.bgr().shape[:2]
    assert np.abs(upright.bgr().astype(int) - wanted).mean() < 3


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="no /proc to look in")
def test_a_frame_that_claims_to_be_huge_is_passed_over(tmp_path):
    frames = [jpeg(), jpeg(claim=(30000, 30000)), jpeg()] * 3
    video = tmp_path / "bomb.mjpeg"
    video.write_bytes(b"".join(frames))
    done = subprocess.run(
        [sys.executable, "-c", _BOMB, video], cwd=REPO, capture_output=True, text=True, timeout=120
    )
    frames_read, megabytes = map(int, done.stdout.split()[-2:])
    assert frames_read >= 3, done
    assert megabytes < 1000, done


def test_frames_that_cant_be_converted_are_broken_parts(tmp_path, portrait, monkeypatch):
    clip = write_video(tmp_path / "a.avi", [portrait] * 5, codec="MJPG")

    def refuse(*_):
        raise ValueError("no such conversion")

    monkeypatch.setattr(FrameConverter, "convert", refuse)
    with pytest.raises(SourceError, match="no frame in it can be decoded"):
        count(clip)


def test_only_the_first_of_a_kind_is_converted_at_once(tmp_path, portrait, monkeypatch):
    made = []
    convert = FrameConverter.convert
    monkeypatch.setattr(FrameConverter, "convert", lambda *a: made.append(1) or convert(*a))
    opened = media.open_file(write_video(tmp_path / "a.avi", [portrait] * 5, codec="MJPG"))
    pictures = [opened.read()[0] for _ in range(5)]
    assert len(made) == 1
    opened.close()
    # The decoder's frames outlive their container.
    assert all(np.abs(p.bgr().astype(int) - portrait).mean() < 6 for p in pictures)
    assert len(made) == 5


def test_a_closed_container_has_ended(clip):
    opened = media.open_file(clip)
    assert opened.read() is not None
    opened.close()
    opened.close()
    assert opened.ended
    assert opened.read() is None


def test_streams_that_come_up_later_end_no_video_with_a_traceback(tmp_path, portrait):
    container = media.open_file(write_video(tmp_path / "a.avi", [portrait] * 5))

    def packets(inner):
        yield from inner
        raise IndexError("list index out of range")  # as PyAV does then, now and then

    container._packets = packets(container._packets)
    assert sum(container.read() is not None for _ in range(9)) == 5
    assert container.ended
    container.close()

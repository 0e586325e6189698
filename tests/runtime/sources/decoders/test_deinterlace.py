"""Interlaced video: no combs, every frame, its times; everything else passes untouched."""

from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from runtime.sources.decoders.deinterlace import Deinterlacer
from tests.runtime.sources.reading import frames_of

SIDE = 96


def scene(step):
    """A bright square that moves fast over a dark ground."""
    image = np.full((SIDE, 2 * SIDE, 3), 40, np.uint8)
    cv2.rectangle(image, (6 * step, 24), (6 * step + 40, 72), (220, 220, 220), -1)
    return image


def woven(number):
    """A frame of two fields, of which the lower one is later."""
    image = scene(2 * number)
    image[1::2] = scene(2 * number + 1)[1::2]
    return image


def combs(image):
    """How much neighbouring lines differ more than every second one does."""
    rows = image[26:70, :, 0].astype(int)
    return float(np.abs(rows[1:-1] * 2 - rows[:-2] - rows[2:]).mean())


def write(path, interlaced, count=8):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", 25)
        stream.width, stream.height, stream.pix_fmt = 2 * SIDE, SIDE, "yuv420p"
        stream.options = {"crf": "4"} | (
            {"x264-params": "interlaced=1:tff=1"} if interlaced else {}
        )
        for number in range(count):
            image = woven(number) if interlaced else scene(2 * number)
            frame = av.VideoFrame.from_ndarray(image, format="bgr24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def test_combs_are_gone_and_frames_and_times_are_not(tmp_path):
    frames = frames_of(write(tmp_path / "i.mp4", interlaced=True))
    assert [frame.time_s for frame in frames] == pytest.approx([i / 25 for i in range(8)])
    assert combs(woven(3)) > 20
    for frame in frames:
        assert combs(frame.picture.bgr()) < combs(woven(3)) / 4


def test_progressive_frames_pass_as_they_are():
    given = [av.VideoFrame(16, 16, "yuv420p") for _ in range(3)]
    deinterlacer = Deinterlacer()
    assert [deinterlacer.give(frame) for frame in given] == [[frame] for frame in given]
    assert deinterlacer.rest() == []


def test_a_size_that_changes_loses_no_frame(tmp_path):
    frames = []
    for side in (96, 64):
        for number in range(3):
            frame = av.VideoFrame.from_ndarray(np.zeros((side, side, 3), np.uint8), format="bgr24")
            frame = frame.reformat(format="yuv420p")
            frame.pts, frame.time_base = number + (side == 64) * 3, Fraction(1, 25)
            frames.append(frame)

    class Flagged(Deinterlacer):
        """Takes every frame for an interlaced one."""

        def give(self, frame):
            if self._graph is None:
                self._open(frame)
                self._kind = (frame.format.name, frame.width, frame.height)
            return super().give(frame)

    deinterlacer = Flagged()
    got = [one for frame in frames for one in deinterlacer.give(frame)] + deinterlacer.rest()
    assert [one.width for one in got] == [96] * 3 + [64] * 3
    assert [one.pts * one.time_base * 25 for one in got] == list(range(6))

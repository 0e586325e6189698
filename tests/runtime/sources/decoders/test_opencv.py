"""OpenCV's readers: what they give, and that they are freed."""

import cv2
import numpy as np
import pytest

from runtime.sources.decoders import opencv
from runtime.sources.decoders.opencv import OpenCvCapture, open_capture
from tests.conftest import write_video


def test_a_capture_gives_pictures_and_stamps(tmp_path, portrait):
    clip = write_video(tmp_path / "a.avi", [portrait] * 3, codec="MJPG")
    capture = OpenCvCapture(cv2.VideoCapture(str(clip)))
    assert (capture.fps, capture.frames) == (25.0, 3)
    for _ in range(3):
        picture, stamp = capture.read()
        assert np.abs(picture.bgr().astype(int) - portrait).mean() < 6
        assert stamp >= 0
    assert capture.read() is None
    assert not capture.ended
    capture.close()


def test_an_error_of_opencv_is_no_frame():
    class Broken:
        def get(self, _):
            return 0.0

        def read(self):
            raise cv2.error("broke")

    assert OpenCvCapture(Broken()).read() is None


@pytest.mark.parametrize("address", ["/dev/video97", 97, "caf\udce9"])
def test_what_cant_be_opened_is_none(address):
    assert open_capture(address, cv2.CAP_V4L2) is None


def test_a_camera_keeps_no_old_frames(monkeypatch):
    asked = []

    class Opened:
        def __init__(self, *_):
            pass

        def isOpened(self):
            return True

        def set(self, *what):
            asked.append(what)

        def get(self, _):
            return 0.0

    monkeypatch.setattr(opencv.cv2, "VideoCapture", Opened)
    assert open_capture(0, cv2.CAP_ANY) is not None
    assert asked == [(cv2.CAP_PROP_BUFFERSIZE, 1)]


@pytest.mark.parametrize(
    ("image", "shown"),
    [
        (np.full((4, 6), 90, np.uint8), 90),
        (np.full((4, 6, 1), 90, np.uint8), 90),
        (np.full((4, 6), 90 << 8, np.uint16), 90),
        (np.full((4, 6, 4), (90, 90, 90, 255), np.uint8), 90),
        # Luma 16 to 235 is black to white; chroma 128 has no colour.
        (np.tile(np.array([[[94, 128]]], np.uint8), (4, 6, 1)), 91),
    ],
)
def test_a_camera_may_be_grey_or_give_what_it_has(image, shown):
    bgr = opencv.camera_picture(image).bgr()
    assert bgr.shape == (4, 6, 3)
    assert np.unique(bgr).tolist() == [shown]


def test_two_bytes_a_pixel_are_read_in_their_order():
    uyvy = np.tile(np.array([[[128, 94]]], np.uint8), (4, 6, 1))

    class Raw:
        def get(self, what):
            return 1498831189.0 if what == cv2.CAP_PROP_FOURCC else 0.0  # UYVY

        def read(self):
            return True, uyvy

    picture, _ = OpenCvCapture(Raw()).read()
    assert np.unique(picture.bgr()).tolist() == [91]


@pytest.mark.parametrize("shape", [(1, 9000), (9000,), (1, 9000, 1)])
def test_a_raw_buffer_is_named(shape):
    with pytest.raises(ValueError, match="--camera_format"):
        opencv.camera_picture(np.zeros(shape, np.uint8))

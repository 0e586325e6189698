"""Cameras by number or device file; none is needed."""

import logging
import struct

import cv2
import numpy as np
import pytest

from runtime.errors import SourceError, Unreachable
from runtime.sources import camera
from runtime.sources.camera import camera_of, open_camera
from runtime.sources.config import SourceConfig
from runtime.sources.decoders import opencv
from runtime.sources.decoders.v4l2 import VideoNode
from runtime.sources.factory import open_source
from runtime.support import backoff as retry
from tests.runtime.sources.test_reconnecting import Camera


@pytest.mark.parametrize(
    ("spec", "camera"),
    [
        ("0", 0),
        ("/dev/video3", 3),
        ("/dev/v4l/by-id/usb-cam-index0", "/dev/v4l/by-id/usb-cam-index0"),
        ("clip.mp4", None),
        ("12345", None),
    ],
)
def test_what_names_a_camera(spec, camera):
    assert camera_of(spec) == camera


def test_an_unplugged_camera_is_opened_again(monkeypatch):
    asked = []

    def plug(address, kind, camera):
        asked.append(address)
        return None if len(asked) == 2 else Camera(2)

    monkeypatch.setattr(camera, "open_capture", plug)
    monkeypatch.setattr(retry, "_PAUSES_S", (0.001, 0.001))
    source = open_camera(0, SourceConfig("0"))
    times = [source.read().time_s for _ in range(4)]
    assert times == sorted(set(times))
    assert asked == [0, 0, 0]
    source.close()


class Device:
    """Stands where `cv2.VideoCapture` would open a camera; keeps what it was asked for."""

    def __init__(self, *_, gives=None):
        self.asked = []
        self.gives = gives or {}

    def isOpened(self):
        return True

    def set(self, what, value):
        self.asked.append((what, value))
        self.gives.setdefault(what, value)
        return True

    def get(self, what):
        return self.gives.get(what, 0.0)

    def read(self):
        return True, np.zeros((48, 64, 3), np.uint8)

    def release(self):
        pass


def _plug(monkeypatch, **gives):
    device = Device(gives={getattr(cv2, f"CAP_PROP_{name}"): v for name, v in gives.items()})
    monkeypatch.setattr(opencv.cv2, "VideoCapture", lambda *_: device)
    return device


def test_a_camera_is_asked_for_its_format_then_its_size_then_its_rate(monkeypatch, caplog):
    device = _plug(monkeypatch)
    with caplog.at_level(logging.INFO):
        settings = {"camera_size": "1280x720", "camera_fps": 60, "camera_format": "MJPG"}
        open_source("0", **settings).close()
    assert device.asked == [
        (cv2.CAP_PROP_BUFFERSIZE, 1),
        (cv2.CAP_PROP_FOURCC, struct.unpack("<I", b"MJPG")[0]),
        (cv2.CAP_PROP_FRAME_WIDTH, 1280),
        (cv2.CAP_PROP_FRAME_HEIGHT, 720),
        (cv2.CAP_PROP_FPS, 60),
    ]
    (line,) = caplog.records
    assert line.getMessage() == (
        "camera 0: asked for MJPG, 1280x720, 60 FPS, gives MJPG, 1280x720, 60 FPS"
    )
    assert line.levelno == logging.INFO


def test_what_a_camera_refuses_is_a_warning(monkeypatch, caplog):
    yuyv = float(struct.unpack("<I", b"YUYV")[0])
    device = _plug(monkeypatch, FRAME_WIDTH=640.0, FRAME_HEIGHT=480.0, FPS=30.0, FOURCC=yuyv)
    with caplog.at_level(logging.INFO):
        open_source("0").close()
        open_source("0", camera_size="1920x1080").close()
        open_source("0", camera_fps=60).close()
    assert [(r.levelname, r.getMessage()) for r in caplog.records] == [
        ("INFO", "camera 0: asked for nothing, gives YUYV, 640x480, 30 FPS"),
        ("WARNING", "camera 0: asked for 1920x1080, gives YUYV, 640x480, 30 FPS"),
        ("WARNING", "camera 0: asked for 60 FPS, gives YUYV, 640x480, 30 FPS"),
    ]
    assert (cv2.CAP_PROP_FPS, 60) in device.asked


def test_settings_are_set_again_when_it_comes_back(monkeypatch):
    monkeypatch.setattr(retry, "_PAUSES_S", (0.001, 0.001))
    device = _plug(monkeypatch)
    reads = iter([True, False, *[False] * 40, True])
    monkeypatch.setattr(device, "read", lambda: (next(reads), np.zeros((4, 4, 3), np.uint8)))
    source = open_source("0", camera_size="64x48")
    source.read()
    source.read()
    assert [what for what, _ in device.asked].count(cv2.CAP_PROP_FRAME_WIDTH) >= 2
    source.close()


@pytest.mark.parametrize(
    ("nodes", "hint"),
    [
        ([], "no camera at /dev/video"),
        (
            [("video0", "UVC Camera", True), ("video9", "UVC Camera", False)],
            r"it gives metadata.*found \S+/video0 UVC Camera\)",
        ),
        ([("video9", "UVC Camera", True)], r"in use\?; found \S+/video9 UVC Camera"),
    ],
)
def test_what_there_is_in_place_of_a_camera(monkeypatch, tmp_path, nodes, hint):
    there = [VideoNode(tmp_path / file, name, captures) for file, name, captures in nodes]
    for node in there:
        node.path.touch()
    monkeypatch.setattr(camera, "video_nodes", lambda: there)
    monkeypatch.setattr(camera, "open_capture", lambda *_, **__: None)
    spec = str(tmp_path / "video9")
    with pytest.raises(Unreachable, match=hint):
        open_camera(spec, SourceConfig(spec))


def test_settings_of_cameras_say_nothing_to_a_file(clip, caplog):
    open_source(str(clip), camera_size="64x48", camera_format="MJPG", rtsp_transport="tcp").close()
    assert "not used for this kind of source: camera_size, camera_format, rtsp_tr" in caplog.text


def test_a_camera_that_stays_away_says_so(monkeypatch):
    monkeypatch.setattr(retry, "_PAUSES_S", (0.001, 0.001))
    monkeypatch.setattr(camera, "video_nodes", list)
    left = [Camera(1)]
    monkeypatch.setattr(camera, "open_capture", lambda *_, **__: left.pop() if left else None)
    source = open_camera(0, SourceConfig("0", reconnect_s=0.05))
    source.read()
    with pytest.raises(SourceError, match=r"not back within 0.05 s: can't be opened \(no camera"):
        source.read()
    source.close()

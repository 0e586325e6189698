"""Cameras by number or device file; none is needed."""

import pytest

from runtime.sources import camera
from runtime.sources.camera import camera_of, open_camera
from runtime.sources.config import SourceConfig
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

    def plug(address, kind, limited=False):
        asked.append(address)
        return None if len(asked) == 2 else Camera(2)

    monkeypatch.setattr(camera, "open_capture", plug)
    monkeypatch.setattr(retry, "_PAUSES_S", (0.001, 0.001))
    source = open_camera(0, SourceConfig("0"))
    times = [source.read().time_s for _ in range(4)]
    assert times == sorted(set(times))
    assert asked == [0, 0, 0]
    source.close()

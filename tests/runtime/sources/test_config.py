"""Settings of a single source."""

import math

import pytest

from runtime.errors import UserError
from runtime.sources.config import SourceConfig


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"reconnect_s": -1}, "reconnect_s must be 0 or more"),
        ({"reconnect_s": math.nan}, "reconnect_s must be 0 or more"),
        ({"poll_fps": 0}, "poll_fps must be 0.01 to 60"),
        ({"camera_fps": 0.5}, "camera_fps must be 1 to 1000"),
        ({"rtsp_transport": "sctp"}, "rtsp_transport must be auto, tcp, udp"),
        ({"rotate": 45}, "rotate must be 0, 90, 180, 270"),
        ({"rotate": True}, "rotate must be 0, 90, 180, 270"),
        ({"flip": "both"}, "flip must be horizontal, vertical"),
        ({"decode": "gpu"}, "decode must be cpu, auto"),
        ({"camera_size": "1280"}, "camera_size must be WIDTHxHEIGHT"),
        ({"camera_size": "0x480"}, "camera_size must be WIDTHxHEIGHT"),
        ({"camera_size": (640, 99_999)}, "camera_size must be WIDTHxHEIGHT"),
        ({"camera_format": "MJPEG"}, "camera_format must be four characters"),
    ],
)
def test_what_cannot_be_is_refused_by_its_name(settings, message):
    with pytest.raises(UserError, match=message) as caught:
        SourceConfig("a.mp4", **settings)
    assert "\n" not in str(caught.value)


def test_rtsps_by_udp_would_not_be_encrypted():
    with pytest.raises(UserError, match="UDP is not encrypted"):
        SourceConfig("rtsps://camera/live", rtsp_transport="udp")


@pytest.mark.parametrize("size", ["1280x720", "1280X720", "1280*720", (1280, 720)])
def test_sizes_are_written_in_several_ways(size):
    assert SourceConfig("0", camera_size=size).size == (1280, 720)


def test_what_is_not_said_is_usual():
    config = SourceConfig("0")
    assert (config.size, config.decode, config.rotate, config.flip) == (None, "cpu", 0, None)
    assert config.tls.authorities is None

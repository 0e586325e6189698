"""Video devices of Linux, by what their kernel answers; no camera is needed."""

from __future__ import annotations

import fcntl
import os
import struct

import pytest

from runtime.sources.decoders import v4l2
from runtime.sources.decoders.v4l2 import read_capability, video_nodes

WHOLE, CAPTURE, PLANES, OUTPUT, METADATA = 0x80000000, 0x1, 0x1000, 0x2, 0x00800000


def answer(device: int, node: int, card: bytes = b"HD Pro Webcam C920") -> bytes:
    return struct.pack("=16s32s32s3I12x", b"uvcvideo", card, b"usb-1", 0x60800, device, node)


@pytest.mark.parametrize(
    ("device", "node", "captures"),
    [
        # A UVC camera has two nodes, both of which tell of the whole device.
        (WHOLE | CAPTURE | METADATA, CAPTURE, True),
        (WHOLE | CAPTURE | METADATA, METADATA, False),
        (WHOLE | PLANES, PLANES, True),
        (WHOLE | OUTPUT, OUTPUT, False),
        (CAPTURE, 0, True),
        (OUTPUT, 0, False),
    ],
)
def test_which_node_gives_pictures(device, node, captures):
    assert read_capability(answer(device, node)) == ("HD Pro Webcam C920", captures)


def test_a_name_is_only_text():
    assert read_capability(answer(CAPTURE, 0, b"a\x1b[2Jb\0junk"))[0] == "a\\x1b[2Jb"
    assert len(answer(0, 0)) == 104  # of the kernel's header


def test_nodes_are_asked_in_the_order_of_their_numbers(tmp_path, monkeypatch):
    answers = {
        "video10": answer(WHOLE | CAPTURE, CAPTURE, b"Ten"),
        "video2": answer(WHOLE | CAPTURE | METADATA, METADATA, b"Two"),
        "video0": answer(WHOLE | CAPTURE, CAPTURE, b"Zero"),
    }
    for name in (*answers, "video-x", "vide0"):
        (tmp_path / name).touch()

    def ioctl(device, request, buffer):
        assert request == 0x80685600
        name = os.path.basename(os.readlink(f"/proc/self/fd/{device}"))
        buffer[:] = answers[name]
        return 0

    monkeypatch.setattr(fcntl, "ioctl", ioctl)
    found = [(node.path.name, node.name, node.captures) for node in video_nodes(tmp_path)]
    assert found == [("video0", "Zero", True), ("video2", "Two", False), ("video10", "Ten", True)]


def test_what_cant_be_asked_may_be_a_camera(tmp_path):
    (tmp_path / "video0").touch()  # no device at all
    (node,) = video_nodes(tmp_path)
    assert node.captures
    assert node.problem
    assert v4l2.video_nodes(tmp_path / "nowhere") == []

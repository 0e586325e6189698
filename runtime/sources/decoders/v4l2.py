"""The video devices of Linux: which of them are cameras, and what they are called."""

from __future__ import annotations

import os
import re
import struct
from dataclasses import dataclass
from pathlib import Path

from runtime.support.redaction import printable

#: `struct v4l2_capability` of the kernel: driver, card, bus, version, capabilities, those of
#: this node alone, reserved.
_CAPABILITY = struct.Struct("=16s32s32s3I12x")

#: `VIDIOC_QUERYCAP`: a read of that many bytes, of the ioctls `V`, number 0.
_QUERYCAP = 2 << 30 | _CAPABILITY.size << 16 | ord("V") << 8

#: What a node can do: capture pictures, in one plane or several; and whether it says so of
#: itself and not only of the whole device.
_VIDEO_CAPTURE, _DEVICE_CAPS = 0x1 | 0x1000, 0x80000000


@dataclass(frozen=True, slots=True)
class VideoNode:
    """One `/dev/video*`.

    Attributes:
        path: The device file.
        name: What its driver calls it; empty where it can't be asked.
        captures: Whether pictures come from it. A camera's second node may give
            metadata only, and a codec's takes pictures. True where it can't be asked.
        problem: Why it can't be asked; else empty.
    """

    path: Path
    name: str
    captures: bool
    problem: str = ""


def video_nodes(folder: Path = Path("/dev")) -> list[VideoNode]:
    """The video devices of this machine, in the order of their numbers."""
    numbered = [
        (int(found[1]), path)
        for path in folder.glob("video*")
        if (found := re.fullmatch(r"video([0-9]+)", path.name, re.ASCII))
    ]
    return [_asked(path) for _, path in sorted(numbered)]


def read_capability(data: bytes) -> tuple[str, bool]:
    """Name of a device, and whether the node that was asked gives pictures.

    Args:
        data: `struct v4l2_capability` as the kernel fills it.
    """
    _, card, _, _, device, node = _CAPABILITY.unpack(data)
    # Drivers from before Linux 3.4 tell of the whole device only.
    able = node if device & _DEVICE_CAPS else device
    name = card.split(b"\0")[0].decode("utf-8", "replace").strip()
    return printable(name), bool(able & _VIDEO_CAPTURE)


def _asked(path: Path) -> VideoNode:
    try:
        import fcntl  # not everywhere

        device = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            buffer = bytearray(_CAPABILITY.size)
            fcntl.ioctl(device, _QUERYCAP, buffer)
        finally:
            os.close(device)
        name, captures = read_capability(bytes(buffer))
    except PermissionError:
        return VideoNode(path, "", True, "you may not open it")
    except (OSError, ImportError) as error:
        problem = getattr(error, "strerror", None) or "it can't be asked"
        return VideoNode(path, "", True, problem)
    return VideoNode(path, name, captures)

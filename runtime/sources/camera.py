"""Cameras by number or device file."""

from __future__ import annotations

import re
from pathlib import Path

import cv2

from runtime.errors import Unreachable
from runtime.sources.config import SourceConfig
from runtime.sources.decoders.base import Capture
from runtime.sources.decoders.opencv import open_capture
from runtime.sources.reconnecting import ReconnectingSource


def camera_of(spec: str) -> int | str | None:
    """A camera's number, or its device file where that has a name of its own; else None.

    A name such as `/dev/v4l/by-id/...` stays the camera's when it is plugged in again.
    """
    number = re.fullmatch(r"(?:/dev/video)?([0-9]{1,4})", spec)
    if number:
        return int(number[1])
    return spec if spec.startswith("/dev/v4l/") else None


def open_camera(camera: int | str, config: SourceConfig) -> ReconnectingSource:
    """A camera by number or device file.

    Raises:
        Unreachable: There is none, or it is in use.
    """

    def connect() -> Capture | None:
        kind = cv2.CAP_ANY if isinstance(camera, int) else cv2.CAP_V4L2
        return open_capture(camera, kind)

    name = f"camera {camera}"
    capture = connect()
    if capture is None:
        found = sorted(p.name for p in Path("/dev").glob("video*"))
        hint = f"found /dev/{', /dev/'.join(found)}" if found else "no /dev/video* here"
        raise Unreachable(f"{name} can't be opened ({hint}); try --source demo")
    return ReconnectingSource(capture, name, connect, config.reconnect_s)

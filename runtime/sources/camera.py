"""Cameras by number or device file."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

import cv2

from runtime.errors import Unreachable
from runtime.sources.config import SourceConfig
from runtime.sources.decoders.base import Capture
from runtime.sources.decoders.opencv import Asked, open_capture, set_up
from runtime.sources.decoders.v4l2 import video_nodes
from runtime.sources.reconnecting import ReconnectingSource

log = logging.getLogger(__name__)


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
    name = f"camera {camera}"
    asked = Asked(config.size, config.camera_fps, config.camera_format)

    def connect() -> Capture:
        kind = cv2.CAP_ANY if isinstance(camera, int) else cv2.CAP_V4L2
        capture = open_capture(camera, kind, camera=lambda opened: _ask(opened, name, asked))
        if capture is None:
            raise Unreachable(f"can't be opened ({_hint(camera)})")
        return capture

    try:
        capture = connect()
    except Unreachable as error:
        raise Unreachable(f"{name} {error}; try --source demo") from error
    return ReconnectingSource(capture, name, connect, config.reconnect_s)


def _ask(opened: Any, name: str, asked: Asked) -> None:
    """Sets a camera up, and says in one line what was asked for and what it gave."""
    got = set_up(opened, asked)
    differs = (
        (asked.size and got.size != asked.size)
        or (asked.fourcc and got.fourcc and got.fourcc.upper() != asked.fourcc.upper())
        or (asked.fps and got.fps and abs(got.fps - asked.fps) > 0.05 * asked.fps)
    )
    log.log(
        logging.WARNING if differs else logging.INFO,
        "%s: asked for %s, gives %s",
        *(name, asked, got),
    )


def _hint(camera: int | str) -> str:
    """What there is in place of a camera that can't be opened."""
    path = Path(f"/dev/video{camera}" if isinstance(camera, int) else camera)
    nodes = video_nodes()
    try:
        node = next((node for node in nodes if path.exists() and node.path.samefile(path)), None)
    except OSError:
        node = None
    found = ", ".join(f"{node.path} {node.name}".rstrip() for node in nodes if node.captures)
    there = f"found {found}" if found else "no camera at /dev/video* here"
    if node is not None and not node.captures:
        return f"it gives metadata or takes pictures, and is no camera; {there}"
    if node is not None and node.problem:
        return f"{node.problem}; {there}"
    return f"in use?; {there}" if node is not None else there

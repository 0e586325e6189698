"""OpenCV's readers of video: kept quiet, opened with time limits."""

from __future__ import annotations

import os
import re
from typing import Any, Protocol

# FFmpeg inside OpenCV reads this when it starts; our own message says what is wrong.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
# OpenCV would hold one lock over all its FFmpeg readers while a stream is being
# opened: one dead stream would keep the others from opening for seconds. FFmpeg
# itself has been safe to open from several threads since 4.0.
os.environ.setdefault("OPENCV_FFMPEG_IS_THREAD_SAFE", "1")
# Longest wait for a frame of a camera, in seconds; ten without it.
os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", "5")

import cv2

# OpenCV's own log would stand beside our one line on the terminal. The call
# moved in OpenCV 5; 0 is silent in both.
_set_log_level: Any = getattr(cv2, "setLogLevel", None) or cv2.utils.logging.setLogLevel  # type: ignore[attr-defined]
_set_log_level(0)

#: Longest wait for a stream to open or to give a frame, in milliseconds.
TIMEOUT_MS = 5000


class Capture(Protocol):
    """What we use of `cv2.VideoCapture`."""

    def read(self) -> tuple[bool, Any]:
        """Whether there was a frame, and it ((H, W, 3) uint8 BGR)."""
        ...

    def get(self, prop: int, /) -> float:
        """A property; 0 where it is unknown."""
        ...

    def release(self) -> None:
        """Frees the device, file or connection."""
        ...


def open_capture(
    address: str | int, backend: int, limited: bool = False, threads: int | None = None
) -> Capture | None:
    """Opens a video, camera or stream.

    Args:
        address: Path, URL, pipeline or camera number.
        backend: One of OpenCV's `CAP_` numbers.
        limited: Give up opening and reading after `TIMEOUT_MS`; only FFmpeg
            and GStreamer know how.
        threads: Of FFmpeg's decoder; None for one a core.

    Returns:
        The open capture; None where it can't be opened, and then nothing stays open.
    """
    asked: list[int] = []
    if limited:
        asked += [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, TIMEOUT_MS]
        asked += [cv2.CAP_PROP_READ_TIMEOUT_MSEC, TIMEOUT_MS]
    if threads is not None:
        asked += [cv2.CAP_PROP_N_THREADS, threads]
    try:
        capture = cv2.VideoCapture(address, backend, asked)  # type: ignore[call-overload]
    except cv2.error:
        return None
    if capture.isOpened():
        return capture  # type: ignore[no-any-return]
    capture.release()
    return None


def read_frame(capture: Capture) -> Any | None:
    """The next frame ((H, W, 3) uint8 BGR), or None where there is none or it is broken."""
    try:
        good, image = capture.read()
    except cv2.error:
        return None
    return image if good and image is not None and image.size else None


def has_gstreamer() -> bool:
    """Whether this OpenCV was built with GStreamer."""
    return re.search(r"GStreamer:\s+YES", cv2.getBuildInformation()) is not None


def limits_gstreamer() -> bool:
    """Whether this OpenCV takes time limits for GStreamer; older ones refuse to open with them."""
    major, minor = cv2.__version__.split(".")[:2]
    return (int(major), int(minor)) >= (4, 8)

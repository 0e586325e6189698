"""OpenCV's readers of cameras and GStreamer pipelines: kept quiet, opened with time limits."""

from __future__ import annotations

import os
import re
from typing import Any

# Longest wait for a frame of a camera, in seconds; ten without it.
os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", "5")

import cv2
import numpy as np

from runtime.sources.decoders import base
from runtime.sources.decoders.base import Stamped
from runtime.vision.opencv_log import quiet_opencv
from runtime.vision.picture import Picture


class OpenCvCapture:
    """A `Capture` by OpenCV."""

    ended = False  # OpenCV doesn't tell an end from a failure

    def __init__(self, capture: Any) -> None:
        """Takes over an open `cv2.VideoCapture`."""
        self._capture = capture
        self.fps: float = capture.get(cv2.CAP_PROP_FPS)
        self.frames = int(max(0, capture.get(cv2.CAP_PROP_FRAME_COUNT)))

    def read(self) -> Stamped | None:
        """See `Capture.read`."""
        try:
            with quiet_opencv():
                good, image = self._capture.read()
                stamp = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1e3
        except cv2.error:
            return None
        if not good or image is None:
            return None
        return Picture(np.asarray(image, np.uint8)), stamp

    def interrupt(self) -> None:
        """OpenCV can't be interrupted; its own limit ends the waiting."""

    def close(self) -> None:
        """Frees the device."""
        self._capture.release()


def open_capture(address: str | int, backend: int, limited: bool = False) -> OpenCvCapture | None:
    """Opens a camera or pipeline.

    Args:
        address: Pipeline, device file or camera number.
        backend: One of OpenCV's `CAP_` numbers.
        limited: Give up opening and reading after `TIMEOUT_S`; only GStreamer knows how.

    Returns:
        The open capture; None where it can't be opened, and then nothing stays open.
    """
    asked: list[int] = []
    if limited:
        limit_ms = round(base.TIMEOUT_S * 1e3)
        asked += [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, limit_ms]
        asked += [cv2.CAP_PROP_READ_TIMEOUT_MSEC, limit_ms]
    if isinstance(address, str):
        try:
            address.encode()
        except UnicodeEncodeError:
            return None  # OpenCV would end the process
    try:
        with quiet_opencv():
            capture = cv2.VideoCapture(address, backend, asked)  # type: ignore[call-overload]
    except cv2.error:
        return None
    if capture.isOpened():
        if backend != cv2.CAP_GSTREAMER:
            # Old frames in a camera's queue would be lag.
            capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        return OpenCvCapture(capture)
    capture.release()
    return None


def has_gstreamer() -> bool:
    """Whether this OpenCV was built with GStreamer."""
    return re.search(r"GStreamer:\s+YES", cv2.getBuildInformation()) is not None


def limits_gstreamer() -> bool:
    """Whether this OpenCV takes time limits for GStreamer; older ones refuse to open with them."""
    major, minor = cv2.__version__.split(".")[:2]
    return (int(major), int(minor)) >= (4, 8)

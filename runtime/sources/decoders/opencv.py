"""OpenCV's readers of cameras and GStreamer pipelines: kept quiet, opened with time limits."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

# Longest wait for a frame of a camera, in seconds; ten without it.
os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", "5")

import cv2
import numpy as np
from numpy.typing import NDArray

from runtime.sources.decoders import base
from runtime.sources.decoders.base import Stamped
from runtime.vision.opencv_log import quiet_opencv
from runtime.vision.picture import Picture

#: Longest side of a picture that a raw buffer could be taken for, in pixels.
_LONGEST_SIDE = 65_536


@dataclass(frozen=True, slots=True)
class Asked:
    """What a camera is asked for; what is None is left to it.

    Attributes:
        size: Width and height in pixels.
        fps: Frames a second.
        fourcc: Four characters of a pixel format, such as `MJPG`.
    """

    size: tuple[int, int] | None = None
    fps: float | None = None
    fourcc: str | None = None

    def __str__(self) -> str:
        size = "" if self.size is None else f"{self.size[0]}x{self.size[1]}"
        rate = "" if self.fps is None else f"{self.fps:g} FPS"
        return ", ".join(filter(None, (self.fourcc, size, rate))) or "nothing"


def set_up(capture: Any, asked: Asked) -> Asked:
    """Asks an open camera for a format, a size and a frame rate.

    The format comes first, as the sizes depend on it, and the rate last, as it depends
    on both.

    Args:
        capture: A `cv2.VideoCapture`.
        asked: What to ask for.

    Returns:
        What the camera gave, of everything that it tells.
    """
    if asked.fourcc is not None:
        capture.set(cv2.CAP_PROP_FOURCC, float(cv2.VideoWriter.fourcc(*asked.fourcc)))
    if asked.size is not None:
        # V4L2 takes both at once, when it knows the second.
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, float(asked.size[0]))
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, float(asked.size[1]))
    if asked.fps is not None:
        capture.set(cv2.CAP_PROP_FPS, float(asked.fps))
    width = round(capture.get(cv2.CAP_PROP_FRAME_WIDTH))
    height = round(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
    return Asked(
        (width, height) if width > 0 and height > 0 else None,
        capture.get(cv2.CAP_PROP_FPS) or None,
        _fourcc(capture),
    )


def _fourcc(capture: Any) -> str | None:
    """The pixel format of a camera, where it tells."""
    code = int(capture.get(cv2.CAP_PROP_FOURCC))
    letters = (code & 0xFFFFFFFF).to_bytes(4, "little")
    return letters.decode("ascii") if code > 0 and all(32 <= b < 127 for b in letters) else None


def camera_picture(image: NDArray[Any], fourcc: str | None = None) -> Picture:
    """A picture of what a camera gave: colour, grey, 16 bits deep, or two bytes a pixel.

    Args:
        image: As OpenCV gives it.
        fourcc: The camera's pixel format, where it tells.

    Raises:
        ValueError: It is a raw buffer that OpenCV didn't decode.
    """
    if image.ndim == 3 and image.shape[2] == 2 and image.dtype == np.uint8:
        swapped = (fourcc or "").upper() in ("UYVY", "Y422", "UYNV")
        image = cv2.cvtColor(image, cv2.COLOR_YUV2BGR_UYVY if swapped else cv2.COLOR_YUV2BGR_YUY2)
    if image.ndim < 2 or 1 in image.shape[:2] or max(image.shape) > _LONGEST_SIDE:
        raise ValueError(
            f"the camera gives raw data of shape {image.shape}, which is no picture; ask for "
            "another format by --camera_format, such as MJPG or YUYV"
        )
    return Picture(image)


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
        image = np.asarray(image)
        fourcc = _fourcc(self._capture) if image.ndim == 3 and image.shape[2] == 2 else None
        return camera_picture(image, fourcc), stamp

    def interrupt(self) -> None:
        """OpenCV can't be interrupted; its own limit ends the waiting."""

    def close(self) -> None:
        """Frees the device."""
        self._capture.release()


def open_capture(
    address: str | int,
    backend: int,
    limited: bool = False,
    camera: Callable[[Any], None] | None = None,
) -> OpenCvCapture | None:
    """Opens a camera or pipeline.

    Args:
        address: Pipeline, device file or camera number.
        backend: One of OpenCV's `CAP_` numbers.
        limited: Give up opening and reading after `TIMEOUT_S`; only GStreamer knows how.
        camera: Sets an open camera up before its first frame.

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
        if camera is not None:
            with quiet_opencv():
                camera(capture)
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

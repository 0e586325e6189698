"""The places of a window, one a source: each shows the latest frame, in its shape."""

from __future__ import annotations

import math
import time
from collections import deque
from typing import Any

import cv2
import numpy as np

from runtime.messages import FrameResult
from runtime.vision.draw import annotate

#: Latest results whose latency is shown.
_LATEST = 300

#: Scale below which a picture is made smaller before it is uploaded: a graphics card takes
#: the mean of four pixels, however many there are.
_SMALL = 0.6

#: Left, top, width and height in pixels.
Place = tuple[int, int, int, int]


def columns_of(count: int) -> tuple[int, int]:
    """(columns, rows) of so many tiles; one where there is none yet."""
    columns = math.ceil(math.sqrt(max(count, 1)))
    return columns, math.ceil(max(count, 1) / columns)


def fitted(size: tuple[int, int], place: Place) -> Place:
    """Where a picture of a width and height goes in a place: in the middle, in its shape."""
    left, top, width, height = place
    scale = min(width / size[0], height / size[1])
    w, h = (max(1, round(side * scale)) for side in size)
    return left + (width - w) // 2, top + (height - h) // 2, w, h


class Tile:
    """The latest frame of one source, on the graphics card."""

    def __init__(self, sdl: Any) -> None:
        """Shows nothing yet; `sdl` is the module sdl2."""
        self._sdl = sdl
        self._texture: Any = None
        self._size = (0, 0)
        self._rate, self._last = 0.0, 0.0
        self._latencies: deque[float] = deque(maxlen=_LATEST)

    def take(
        self, renderer: Any, result: FrameResult, room: tuple[int, int], name: str = ""
    ) -> None:
        """Takes a frame.

        Args:
            renderer: SDL's.
            result: The frame and its faces.
            room: Width and height that it is shown in, at most.
            name: Stands before its rate; empty where there is but one source.
        """
        sdl = self._sdl
        image = annotate(result, self._status(result, name))
        height, width = image.shape[:2]
        _, _, *shown = fitted((width, height), (0, 0, *room))
        if shown[0] < _SMALL * width:
            image = np.asarray(cv2.resize(image, shown, interpolation=cv2.INTER_AREA), np.uint8)
            width, height = shown
        if (width, height) != self._size:
            self.close()
            access = sdl.SDL_TEXTUREACCESS_STREAMING
            self._texture = sdl.SDL_CreateTexture(
                renderer, sdl.SDL_PIXELFORMAT_BGR24, access, width, height
            )
            self._size = (width, height)
        sdl.SDL_UpdateTexture(self._texture, None, image.ctypes.data, image.strides[0])

    def draw(self, renderer: Any, place: Place) -> None:
        """Draws the frame into a place."""
        if self._texture is not None:
            sdl = self._sdl
            target = sdl.SDL_Rect(*fitted(self._size, place))
            sdl.SDL_RenderCopy(renderer, self._texture, None, target)

    def close(self) -> None:
        """Frees the texture; a frame makes it anew."""
        if self._texture is not None:
            self._sdl.SDL_DestroyTexture(self._texture)
        self._texture, self._size = None, (0, 0)

    def _status(self, result: FrameResult, name: str) -> str:
        now = time.monotonic()
        if self._last:
            self._rate += 0.1 * (1.0 / max(now - self._last, 1e-3) - self._rate)
        self._last = now
        self._latencies.append(result.latency_ms)
        p50, p90, p99 = np.percentile(self._latencies, (50, 90, 99))
        rate = f"{self._rate:.0f} FPS   latency p50 {p50:.0f}  p90 {p90:.0f}  p99 {p99:.0f} ms"
        # OpenCV writes no other letters.
        return f"{name.encode('ascii', 'replace').decode()}   {rate}" if name else rate

"""A window, through SDL 2.

Not OpenCV's: where no display answers, its Qt ends the process, and its GUI
wheel is 35 MB larger than the headless one that servers use too.
"""

from __future__ import annotations

import os
import time
import warnings
from collections import deque
from typing import Any

import numpy as np

from runtime.errors import UserError
from runtime.messages import FrameResult
from runtime.vision.draw import annotate

#: Latest results whose latency is shown.
_LATEST = 300


class NoDisplay(UserError):
    """There is no display to open a window on."""


class WindowSink:
    """Shows annotated frames; `closed` once the user pressed q or Esc or closed it."""

    name = "the window"

    def __init__(self, title: str) -> None:
        """Opens the window.

        Raises:
            NoDisplay: No display answers, or SDL isn't installed.
        """
        # Left to itself, SDL would draw on an invisible screen where none answers.
        driver = os.environ.get("SDL_VIDEODRIVER") or ",".join(
            name
            for name, variable in (("x11", "DISPLAY"), ("wayland", "WAYLAND_DISPLAY"))
            if os.environ.get(variable)
        )
        if not driver:
            raise NoDisplay("no display")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # it tells which SDL it took
                import sdl2
        except ImportError as error:
            raise NoDisplay(f"no window: {error}") from error
        self._sdl: Any = sdl2
        sdl2.SDL_SetHint(sdl2.SDL_HINT_VIDEODRIVER, driver.encode())
        # Ctrl-C stays Python's.
        sdl2.SDL_SetHint(sdl2.SDL_HINT_NO_SIGNAL_HANDLERS, b"1")
        os.environ.setdefault("SDL_VIDEO_X11_WMCLASS", title)
        if sdl2.SDL_Init(sdl2.SDL_INIT_VIDEO) != 0:
            raise NoDisplay(f"no display answers ({sdl2.SDL_GetError().decode()})")
        self._title = title
        self._window: Any = None
        self._renderer: Any = None
        self._texture: Any = None
        self._size = (0, 0)
        self._rate = 0.0
        self._latencies: deque[float] = deque(maxlen=_LATEST)
        self._last = 0.0
        self.closed = False

    def write(self, result: FrameResult) -> None:
        """Shows a frame and looks for keys."""
        sdl = self._sdl
        now = time.monotonic()
        if self._last:
            self._rate += 0.1 * (1.0 / max(now - self._last, 1e-3) - self._rate)
        self._last = now
        self._latencies.append(result.latency_ms)
        p50, p90, p99 = np.percentile(self._latencies, (50, 90, 99))
        status = f"{self._rate:.0f} FPS   latency p50 {p50:.0f}  p90 {p90:.0f}  p99 {p99:.0f} ms"
        image = annotate(result, status)
        height, width = image.shape[:2]
        if (width, height) != self._size:
            self._resize(width, height)
        sdl.SDL_UpdateTexture(self._texture, None, image.ctypes.data, image.strides[0])
        sdl.SDL_RenderClear(self._renderer)
        sdl.SDL_RenderCopy(self._renderer, self._texture, None, None)
        sdl.SDL_RenderPresent(self._renderer)
        self.poll()

    def close(self) -> None:
        """Closes the window."""
        if self._sdl is None:
            return
        if self._window is not None:
            self._sdl.SDL_DestroyWindow(self._window)
        self._sdl.SDL_Quit()
        self._sdl = None

    def _resize(self, width: int, height: int) -> None:
        """Makes a texture for frames of a new size, and at first the window."""
        sdl = self._sdl
        if self._window is None:
            middle = sdl.SDL_WINDOWPOS_CENTERED
            flags = sdl.SDL_WINDOW_RESIZABLE
            title = self._title.encode()
            self._window = sdl.SDL_CreateWindow(title, middle, middle, width, height, flags)
            self._renderer = sdl.SDL_CreateRenderer(self._window, -1, 0)
            if not self._window or not self._renderer:
                raise UserError(f"the window can't be opened: {sdl.SDL_GetError().decode()}")
        if self._texture is not None:
            sdl.SDL_DestroyTexture(self._texture)
        sdl.SDL_RenderSetLogicalSize(self._renderer, width, height)
        access = sdl.SDL_TEXTUREACCESS_STREAMING
        self._texture = sdl.SDL_CreateTexture(
            self._renderer, sdl.SDL_PIXELFORMAT_BGR24, access, width, height
        )
        self._size = (width, height)

    def poll(self) -> None:
        """Looks for keys and the closing button."""
        sdl = self._sdl
        event = sdl.SDL_Event()
        while sdl.SDL_PollEvent(event):
            pressed = event.type == sdl.SDL_KEYDOWN and event.key.keysym.sym
            if event.type == sdl.SDL_QUIT or pressed in (sdl.SDLK_q, sdl.SDLK_ESCAPE):
                self.closed = True

"""A window, through SDL 2.

Not OpenCV's: where no display answers, its Qt ends the process, and its GUI
wheel is 35 MB larger than the headless one that servers use too.
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Sequence
from typing import Any

from runtime.errors import UserError
from runtime.messages import FrameResult
from runtime.sinks.tiles import Tile, columns_of, fitted
from runtime.support.redaction import printable

#: What of the screen's usable area a window takes at most: its frame and title need some.
_SCREEN = 0.95, 0.9

#: Smallest window, and longest title.
_LEAST, _TITLE = (160, 120), 120

#: Shortest time between two drawings of several sources, in seconds.
_DRAW_S = 1 / 60


class NoDisplay(UserError):
    """There is no display to open a window on."""


class WindowSink:
    """Shows annotated frames; `closed` once the user pressed q or Esc or closed it.

    Several sources stand side by side. The window fits the screen and may be resized; pictures
    keep their shape in it.
    """

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
        # What is scaled is smoothed.
        sdl2.SDL_SetHint(sdl2.SDL_HINT_RENDER_SCALE_QUALITY, b"linear")
        if sdl2.SDL_Init(sdl2.SDL_INIT_VIDEO) != 0:
            raise NoDisplay(f"no display answers ({sdl2.SDL_GetError().decode()})")
        self._title = title
        self._names: list[str] = []
        self._window: Any = None
        self._renderer: Any = None
        self._tiles: dict[int, Tile] = {}
        self._drawn, self._due = 0.0, False
        self.closed = False

    def name_sources(self, names: Sequence[str]) -> None:
        """Says whose frames come: their names stand in the title, in the order of streams."""
        self._names = [printable(name) for name in names]
        self._tiles = {stream: Tile(self._sdl) for stream in range(len(names))}

    def write(self, result: FrameResult) -> None:
        """Shows a frame and looks for keys."""
        stream = result.stream or 0
        if stream not in self._tiles:
            self._tiles[stream] = Tile(self._sdl)
        tile = self._tiles[stream]
        if self._window is None:
            self._open(result)
        several = len(self._tiles) > 1
        tile.take(self._renderer, result, self._cell(), result.source if several else "")
        self._due = True
        # Several sources together give more frames than a screen shows.
        if not several or time.monotonic() - self._drawn >= _DRAW_S:
            self._draw()
        self.poll()

    def close(self) -> None:
        """Closes the window."""
        if self._sdl is None:
            return
        for tile in self._tiles.values():
            tile.close()
        if self._renderer is not None:
            self._sdl.SDL_DestroyRenderer(self._renderer)
        if self._window is not None:
            self._sdl.SDL_DestroyWindow(self._window)
        self._sdl.SDL_Quit()
        self._sdl = None

    def poll(self) -> None:
        """Looks for keys and the closing button, and draws what was uncovered or resized."""
        sdl = self._sdl
        event = sdl.SDL_Event()
        while sdl.SDL_PollEvent(event):
            pressed = event.type == sdl.SDL_KEYDOWN and event.key.keysym.sym
            if event.type == sdl.SDL_QUIT or pressed in (sdl.SDLK_q, sdl.SDLK_ESCAPE):
                self.closed = True
            elif event.type == sdl.SDL_WINDOWEVENT:
                self._due = True
            elif event.type in (sdl.SDL_RENDER_TARGETS_RESET, sdl.SDL_RENDER_DEVICE_RESET):
                for tile in self._tiles.values():
                    tile.close()  # the next frame makes its texture anew
        if self._due and time.monotonic() - self._drawn >= _DRAW_S:
            self._draw()

    def _open(self, result: FrameResult) -> None:
        """Opens the window: as large as the frames, where the screen has room for that."""
        sdl = self._sdl
        height, width = result.image.shape[:2]
        columns, rows = columns_of(len(self._tiles))
        width, height = width * columns, height * rows
        room = sdl.SDL_Rect()
        if sdl.SDL_GetDisplayUsableBounds(0, room) == 0:
            most = max(int(_SCREEN[0] * room.w), 1), max(int(_SCREEN[1] * room.h), 1)
            if width > most[0] or height > most[1]:
                _, _, width, height = fitted((width, height), (0, 0, *most))
        names = ", ".join(self._names) or printable(result.source)
        title = f"{self._title}: {names}" if names else self._title
        if len(title) > _TITLE:
            title = title[: _TITLE - 3] + "..."
        middle = sdl.SDL_WINDOWPOS_CENTERED
        # Where a screen has more pixels than it says, all of them are drawn.
        flags = sdl.SDL_WINDOW_RESIZABLE | sdl.SDL_WINDOW_ALLOW_HIGHDPI
        self._window = sdl.SDL_CreateWindow(
            title.encode(), middle, middle, max(width, _LEAST[0]), max(height, _LEAST[1]), flags
        )
        self._renderer = self._window and sdl.SDL_CreateRenderer(self._window, -1, 0)
        if not self._renderer:
            raise UserError(f"the window can't be opened: {sdl.SDL_GetError().decode()}")
        sdl.SDL_SetWindowMinimumSize(self._window, *_LEAST)

    def _cell(self) -> tuple[int, int]:
        """Width and height of a tile's place, in the screen's own pixels."""
        width, height = self._output_size()
        columns, rows = columns_of(len(self._tiles))
        return max(width // columns, 1), max(height // rows, 1)

    def _output_size(self) -> tuple[int, int]:
        from ctypes import byref, c_int

        width, height = c_int(), c_int()
        self._sdl.SDL_GetRendererOutputSize(self._renderer, byref(width), byref(height))
        return width.value, height.value

    def _draw(self) -> None:
        sdl = self._sdl
        if self._renderer is None:
            return
        columns, _ = columns_of(len(self._tiles))
        width, height = self._cell()
        sdl.SDL_RenderClear(self._renderer)
        for number, stream in enumerate(sorted(self._tiles)):
            row, column = divmod(number, columns)
            self._tiles[stream].draw(self._renderer, (column * width, row * height, width, height))
        sdl.SDL_RenderPresent(self._renderer)
        self._drawn, self._due = time.monotonic(), False

import ctypes

import numpy as np
import pytest

from runtime.messages import FrameResult
from runtime.sinks.window import NoDisplay, WindowSink


@pytest.fixture
def window(monkeypatch):
    """A window on SDL's dummy screen."""
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    sink = WindowSink("emotion")
    yield sink
    sink.close()
    sink.close()


def result(size=(48, 64), stream=0, color=(0, 0, 0)) -> FrameResult:
    image = np.full((*size, 3), color, np.uint8)
    return FrameResult(stream, 0, 0.0, image, (), 1.0, source="here")


def window_size(window) -> tuple[int, int]:
    import sdl2

    width, height = ctypes.c_int(), ctypes.c_int()
    sdl2.SDL_GetWindowSize(window._window, width, height)
    return width.value, height.value


def title(window) -> str:
    import sdl2

    return sdl2.SDL_GetWindowTitle(window._window).decode()


def drawn(window) -> np.ndarray:
    """(H, W, 3) BGR, what the window shows."""
    import sdl2

    window._draw()
    width, height = window._output_size()
    pixels = np.zeros((height, width, 3), np.uint8)
    kind = sdl2.SDL_PIXELFORMAT_BGR24
    sdl2.SDL_RenderReadPixels(window._renderer, None, kind, pixels.ctypes.data, 3 * width)
    return pixels


def push(kind: str, key: str = "") -> None:
    import sdl2

    event = sdl2.SDL_Event()
    event.type = getattr(sdl2, kind)
    if key:
        event.key.keysym.sym = getattr(sdl2, key)
    sdl2.SDL_PushEvent(event)


@pytest.mark.parametrize(
    "event", [("SDL_QUIT",), ("SDL_KEYDOWN", "SDLK_q"), ("SDL_KEYDOWN", "SDLK_ESCAPE")]
)
def test_closing_q_and_escape_end_it(window, event):
    window.write(result())
    assert not window.closed
    push(*event)
    window.write(result())
    assert window.closed


def test_other_keys_do_nothing(window):
    window.write(result())
    push("SDL_KEYDOWN", "SDLK_a")
    window.write(result((480, 640)))  # a frame of another size is shown too
    assert not window.closed


def test_no_display_is_said(monkeypatch):
    monkeypatch.delenv("SDL_VIDEODRIVER", raising=False)
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(NoDisplay, match="no display"):
        WindowSink("emotion")
    monkeypatch.setenv("DISPLAY", ":987")
    with pytest.raises(NoDisplay, match="no display answers"):
        WindowSink("emotion")


def test_a_large_picture_fits_the_screen_in_its_shape(window):
    """The dummy screen has 1024 by 768 pixels."""
    window.write(result((2160, 3840), color=(0, 0, 200)))
    width, height = window_size(window)
    assert width <= 1024 * 0.95
    assert height <= 768 * 0.9
    assert width / height == pytest.approx(16 / 9, abs=0.01)
    assert (drawn(window)[: height // 2] == (0, 0, 200)).all()


def test_a_picture_keeps_its_shape_in_a_window_of_another(window):
    import sdl2

    window.write(result((240, 320), color=(0, 200, 0)))
    assert window_size(window) == (320, 240)
    sdl2.SDL_SetWindowSize(window._window, 640, 240)
    window.write(result((240, 320), color=(0, 200, 0)))
    shown = drawn(window)
    assert shown.shape == (240, 640, 3)
    assert (shown[:200, 160:480] == (0, 200, 0)).all()
    assert not shown[:, :158].any()
    assert not shown[:, 482:].any()


def test_frames_of_another_size_leave_the_window_as_it_is(window):
    window.write(result((240, 320)))
    window.write(result((320, 240), color=(200, 0, 0)))
    shown = drawn(window)
    assert shown.shape == (240, 320, 3)
    assert (shown[:190, 72:248] == (200, 0, 0)).all()
    assert not shown[:, :69].any()


def test_several_sources_stand_side_by_side(window):
    window.name_sources(["door", "yard", "gate"])
    colors = [(200, 0, 0), (0, 200, 0), (0, 0, 200)]
    for stream, color in enumerate(colors):
        window.write(result((120, 160), stream, color))
    window.write(result((120, 160), 0, colors[0]))
    shown = drawn(window)
    assert shown.shape == (240, 320, 3)
    for color, (y, x) in zip(colors, ((0, 0), (0, 160), (120, 0)), strict=True):
        assert (shown[y : y + 80, x : x + 160] == color).all()
    assert not shown[120:, 160:].any()
    assert title(window) == "emotion: door, yard, gate"


def test_the_title_names_the_source_on_one_short_line(window):
    window.name_sources(["caf\udce9\n" + 200 * "x"])
    window.write(result())
    assert title(window).startswith("emotion: caf\\xe9\\nxxx")
    assert len(title(window)) == 120


def test_a_source_without_a_name_given_before_has_its_own(window):
    window.write(result())
    assert title(window) == "emotion: here"
    assert window_size(window) == (160, 120), "no smaller, so that it can be found"


def test_what_was_uncovered_is_drawn_again_while_a_source_is_silent(window, monkeypatch):
    window.write(result())
    draws = []
    monkeypatch.setattr(window, "_draw", lambda: draws.append(1))
    monkeypatch.setattr(window, "_drawn", 0.0)
    window.poll()
    draws.clear()
    window._due = False
    push("SDL_WINDOWEVENT")
    window.poll()
    assert draws

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


def result(size=(48, 64)) -> FrameResult:
    return FrameResult(0, 0, 0.0, np.zeros((*size, 3), np.uint8), (), 1.0)


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

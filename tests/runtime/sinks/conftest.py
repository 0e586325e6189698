"""Results to write, and receivers to send them to."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from runtime.messages import EmotionResult, FrameResult
from runtime.sinks.remote.queue import SendError
from tests.support.servers import refused


def result(index: int = 0, size=(240, 320), fps: float = 25.0, faces: int = 1) -> FrameResult:
    image = np.full((*size, 3), 40 + index % 100, np.uint8)
    face = EmotionResult(
        3, (50.0, 60.0, 150.0, 170.0), 0.9, "happiness", 0.8, False, {"happiness": 0.8}
    )
    return FrameResult(0, index, index / fps, image, (face,) * faces, 12.345)


def wait_until(true: Callable[[], bool], limit_s: float = 60.0) -> None:
    """Fails after a time that a loaded machine doesn't need."""
    deadline = time.monotonic() + limit_s
    while not true():
        if time.monotonic() > deadline:
            pytest.fail("waited in vain")
        time.sleep(0.01)


def nearly_full_disk(monkeypatch: pytest.MonkeyPatch, room: int) -> None:
    """Lets `os.write` take as many bytes as there is room for, and fail after them."""
    real = os.write

    def write(fd: int, data: bytes) -> int:
        nonlocal room
        if not room:
            raise OSError(28, "No space left on device")
        taken = real(fd, data[:room])
        room -= taken
        return taken

    monkeypatch.setattr(os, "write", write)


def refuses_other_certificates(folder: Path, send: Callable[..., None]) -> Path:
    """Checks that nothing is sent where a certificate isn't trusted, or TLS is too old.

    Args:
        folder: Where certificates go.
        send: Sends a message to a server with a certificate (its file, the file of whom
            is trusted, `old` for a TLS of the past).

    Returns:
        A certificate that is trusted.
    """
    own, wrong = refused(folder)
    for file, trusted, why in wrong:
        with pytest.raises(SendError, match=f"its certificate is not trusted: .*{why}"):
            send(file, trusted)
    with pytest.raises(SendError, match="no TLS connection"):
        send(own, own, old=True)
    return own

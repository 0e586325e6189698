"""OpenCV's own log, kept quiet during calls that report their errors themselves."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import cv2

# The calls moved in OpenCV 5; 0 is silent in both.
_module: Any = cv2 if hasattr(cv2, "setLogLevel") else cv2.utils.logging  # type: ignore[attr-defined]

_lock = threading.Lock()
_inside = 0
_before = 0


@contextmanager
def quiet_opencv() -> Iterator[None]:
    """Mutes OpenCV's log for a block, which would stand beside our one line on the terminal.

    The level is one for the whole process: it is the host program's again as soon as no
    thread is inside such a block.
    """
    global _inside, _before
    with _lock:
        if not _inside:
            _before = _module.getLogLevel()
            _module.setLogLevel(0)
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if not _inside:
                _module.setLogLevel(_before)

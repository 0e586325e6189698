"""Reads a source to its end."""

from __future__ import annotations

from pathlib import Path

from runtime.messages import Frame
from runtime.sources.factory import open_source


def frames_of(spec: str | Path) -> list[Frame]:
    """Every frame of a source, which is then closed twice: a second time does no harm."""
    source = open_source(str(spec))
    frames = []
    while (frame := source.read()) is not None:
        frames.append(frame)
    source.close()
    source.close()
    return frames

"""Synthetic video that is the same in every run: rendered faces, and a camera's frame rate."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from runtime.messages import Frame
from runtime.sources.base import Source
from runtime.sources.demo_scene import HEIGHT, WIDTH, Scene, demo_scenes
from runtime.vision.picture import Picture

#: More would be too small for the detector.
MAX_FACES = 24


class SyntheticVideo:
    """A source of frames rendered beforehand, read without loss as fast as the pipeline goes."""

    name, live, fps = "synthetic", False, 30.0

    def __init__(self, frames: Sequence[NDArray[np.uint8]], count: int) -> None:
        self._frames, self._count, self._index = frames, count, 0

    def read(self) -> Frame | None:
        """See `runtime.sources.base.Source`."""
        if self._index >= self._count:
            return None
        self._index += 1
        image = self._frames[self._index % len(self._frames)]
        return Frame(Picture(image), (self._index - 1) / self.fps)

    def interrupt(self) -> None:
        """Never waits."""

    def close(self) -> None:
        """Holds nothing."""


class PacedCamera:
    """A source's frames at a fixed frame rate, as of a camera that waits for nobody.

    Attributes:
        waited_s: Time spent in waiting for the next frame's moment, which is no work.
        skipped: Frames that passed while nobody was reading.
    """

    live = True

    def __init__(self, source: Source, fps: float) -> None:
        self.name, self.fps = source.name, fps
        self.waited_s = 0.0
        self.skipped = 0
        self._source = source
        self._index = 0
        self._start: float | None = None

    def read(self) -> Frame | None:
        """See `runtime.sources.base.Source`."""
        now = time.monotonic()
        self._start = self._start if self._start is not None else now
        while self._start + (self._index + 1) / self.fps < now:
            if self._source.read() is None:
                return None  # what was left passed while nobody was reading
            self._index += 1
            self.skipped += 1
        time.sleep(max(0.0, self._start + self._index / self.fps - now))
        self.waited_s += time.monotonic() - now
        self._index += 1
        frame = self._source.read()
        return frame and replace(frame, time_s=time.monotonic() - self._start)

    def interrupt(self) -> None:
        """Interrupts what it reads."""
        self._source.interrupt()

    def close(self) -> None:
        """Closes what it reads."""
        self._source.close()


def render(
    faces: int, count: int, size: tuple[int, int] = (WIDTH, HEIGHT)
) -> list[NDArray[np.uint8]]:
    """Frames with so many copies of the demo's portrait, moving a little.

    Args:
        faces: 1 to `MAX_FACES`.
        count: Number of frames.
        size: Width and height; other shapes than 4:3 get grey margins.

    Returns:
        (height, width, 3) uint8 BGR pictures.
    """
    scene = _scene(faces, count)
    return [fit(scene.render(i), size) for i in range(count)]


def _scene(faces: int, count: int) -> Scene:
    portrait = demo_scenes()[0]
    if faces == 1:
        return portrait
    # The head of the portrait, in a grid of three by two, five by three, six by four:
    # the first that holds them all, as each keeps the head's shape.
    rows = next(r for r in range(2, faces + 2) if r * math.ceil(1.5 * r) >= faces)
    columns = math.ceil(1.5 * rows)
    tile = cv2.resize(portrait.image[20:220, 136:314], (WIDTH // columns, HEIGHT // rows))
    canvas = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    for k in range(faces):
        y, x = divmod(k, columns)
        top, left = y * tile.shape[0], x * tile.shape[1]
        canvas[top : top + tile.shape[0], left : left + tile.shape[1]] = tile
    return Scene(canvas, (WIDTH / 2, HEIGHT / 2), 0.94, 6.0, count)


def fit(picture: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """The (H, W, 3) picture in another size (width, height), with grey margins where need be."""
    width, height = size
    if picture.shape[:2] == (height, width):
        return picture
    scale = min(width / picture.shape[1], height / picture.shape[0])
    inner = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
    left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
    result = np.full((height, width, 3), 128, np.uint8)
    result[top : top + inner[1], left : left + inner[0]] = cv2.resize(picture, inner)
    return result

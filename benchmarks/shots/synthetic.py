"""What videos are made of: shots, and what becomes of their frames."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np

from benchmarks.shots.scenes import Image, place, view

#: Frames of a shot.
LENGTH = 30


@dataclass(frozen=True, eq=False)
class SyntheticVideo:
    """Frames and what happens in them.

    Attributes:
        kind: What it tries.
        frames: Each (HEIGHT, WIDTH, 3) uint8 BGR.
        cuts: First and last frame of each change of shot: one frame, or all in which one
            shot fades into the next.
        fps: Frames a second.
    """

    kind: str
    frames: list[Image]
    cuts: tuple[tuple[int, int], ...] = ()
    fps: float = 25.0


Shot = list[Image]


def shot(image: Image, rng: np.random.Generator, count: int = LENGTH, **start: float) -> Shot:
    """A hand-held view of a place, whose people move a little."""
    x, y = start.get("x", rng.uniform(0.3, 0.7)), start.get("y", rng.uniform(0.35, 0.65))
    scale = start.get("scale", rng.uniform(0.8, 1.4))
    phase, sway = rng.uniform(0, 6, 3), rng.uniform(0.0, 0.012)
    return [
        view(
            image,
            x + sway * math.sin(0.15 * i + phase[0]),
            y + sway * math.sin(0.21 * i + phase[1]),
            scale * (1 + sway * math.sin(0.11 * i + phase[2])),
        )
        for i in range(count)
    ]


def join(kind: str, shots: list[Shot], fps: float = 25.0) -> SyntheticVideo:
    """The video of some shots, one cut after another."""
    starts = np.cumsum([len(shot) for shot in shots])[:-1].tolist()
    return SyntheticVideo(
        kind, [f for shot in shots for f in shot], tuple((s, s) for s in starts), fps
    )


def each(video: SyntheticVideo, kind: str, change: Callable[[Image], Image]) -> SyntheticVideo:
    """The video with every frame changed."""
    return replace(video, kind=kind, frames=[change(frame) for frame in video.frames])


def grained(image: Image, rng: np.random.Generator, strength: float) -> Image:
    """The picture with noise of so many steps of brightness."""
    noise = rng.normal(0, strength, image.shape)
    return np.asarray(np.clip(image + noise, 0, 255), np.uint8)


def squeezed(image: Image, quality: int) -> Image:
    """The picture after JPEG of a quality from 0 to 100."""
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def lit(image: Image, gain: float, more: float = 0.0) -> Image:
    """The picture brighter or darker."""
    return np.asarray(np.clip(image * gain + more, 0, 255), np.uint8)


def grey(image: Image) -> Image:
    """The picture without colours."""
    return np.repeat(image.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2)


def blend(a: Image, b: Image, share: float) -> Image:
    """One picture over another; `share` is that of the second."""
    return np.asarray(cv2.addWeighted(a, 1 - share, b, share, 0), np.uint8)


def long(rng: np.random.Generator) -> tuple[Image, Shot]:
    """A place, and a shot of it of twice the usual length."""
    image = place(int(rng.integers(1000)))
    return image, shot(image, rng, 2 * LENGTH)

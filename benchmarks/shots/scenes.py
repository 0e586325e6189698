"""Pictures of places with people in them, made in code, and views of them."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from runtime.sources.demo_scene import demo_scenes

#: Size of a video, and of the places that it shows.
WIDTH, HEIGHT = 320, 240
_LARGE = (960, 720)

Image = NDArray[np.uint8]


@cache
def place(seed: int) -> Image:
    """A room with furniture, patterns and one to three people.

    Args:
        seed: Another one is another place.

    Returns:
        (720, 960, 3) uint8 BGR.
    """
    rng = np.random.default_rng((7, seed))
    width, height = _LARGE
    wall, floor = rng.integers(20, 220, (2, 3)).astype(np.float32)
    steps = np.linspace(0.7, 1.2, width, dtype=np.float32)[None, :, None]
    canvas = np.broadcast_to(wall, (height, width, 3)) * steps
    canvas[int(rng.uniform(0.55, 0.85) * height) :] = floor
    canvas += cv2.resize(rng.normal(0, 14, (24, 32, 3)).astype(np.float32), _LARGE)
    image = np.clip(canvas, 0, 255).astype(np.uint8)
    for _ in range(int(rng.integers(6, 26))):
        _thing(image, rng)
    for _ in range(int(rng.integers(1, 4))):
        _person(image, rng)
    return image


def _thing(image: Image, rng: np.random.Generator) -> None:
    height, width = image.shape[:2]
    x, y = int(rng.uniform(-0.1, 0.95) * width), int(rng.uniform(-0.1, 0.9) * height)
    w, h = (int(v) for v in rng.uniform(0.04, 0.35, 2) * width)
    color, other = (tuple(int(v) for v in row) for row in rng.integers(0, 255, (2, 3)))
    kind = rng.integers(4)
    if kind == 0:
        cv2.rectangle(image, (x, y), (x + w, y + h), color, -1)
        cv2.rectangle(image, (x, y), (x + w, y + h), other, 4)
    elif kind == 1:
        cv2.ellipse(image, (x, y), (w // 2, h // 2), float(rng.uniform(0, 90)), 0, 360, color, -1)
    elif kind == 2:
        for k in range(0, w, 18):
            cv2.line(image, (x + k, y), (x + k, y + h), color, int(rng.integers(2, 9)))
    else:
        for k in range(0, h, 22):
            cv2.rectangle(image, (x, y + k), (x + w, y + k + 14), color if k % 44 else other, -1)


def _person(image: Image, rng: np.random.Generator) -> None:
    height, width = image.shape[:2]
    side = int(rng.uniform(0.2, 0.5) * height)
    x, y = int(rng.uniform(0, width - side)), int(rng.uniform(0.05, 0.9) * (height - side))
    body = tuple(int(v) for v in rng.integers(0, 255, 3))
    middle = (x + side // 2, y + int(1.7 * side))
    cv2.ellipse(image, middle, (int(0.7 * side), side), 0, 0, 360, body, -1)
    face = head()[:, :: -1 if rng.random() < 0.5 else 1]
    face = np.asarray(cv2.resize(face, (side, side), interpolation=cv2.INTER_AREA), np.uint8)
    mask = np.zeros((side, side), np.uint8)
    cv2.ellipse(
        mask, (side // 2, side // 2), (int(0.4 * side), int(0.49 * side)), 0, 0, 360, 255, -1
    )
    cv2.copyTo(face, mask, image[y : y + side, x : x + side])


@cache
def head() -> Image:
    """The head of the demo's portrait."""
    return demo_scenes()[0].image[20:220, 130:320]


def portrait(mirrored: bool = False) -> Image:
    """The demo's portrait, large; mirrored it is also darker, and elsewhere in the picture."""
    image = cv2.resize(demo_scenes()[0].image[:384], (_LARGE[0], _LARGE[1]))
    if not mirrored:
        return np.asarray(image, np.uint8)
    canvas = np.full_like(image, (96, 0, 0))
    smaller = cv2.resize(image[:, ::-1], None, fx=0.9, fy=0.9)
    canvas[40 : 40 + smaller.shape[0], 60 : 60 + smaller.shape[1]] = cv2.convertScaleAbs(
        smaller, alpha=0.7, beta=-10
    )
    return np.asarray(canvas, np.uint8)


def view(
    image: Image, x: float = 0.5, y: float = 0.5, scale: float = 1.0, angle: float = 0.0
) -> Image:
    """What a camera sees of a place.

    Args:
        image: The place.
        x: Middle of the view, as a share of the place's width.
        y: The same of its height.
        scale: 1 shows half of the place's sides.
        angle: Roll in degrees.

    Returns:
        (HEIGHT, WIDTH, 3) uint8 BGR.
    """
    height, width = image.shape[:2]
    centre = (x * width, y * height)
    matrix = cv2.getRotationMatrix2D(centre, angle, scale * 2 * WIDTH / width)
    matrix[:, 2] += WIDTH / 2 - centre[0], HEIGHT / 2 - centre[1]
    return np.asarray(
        cv2.warpAffine(
            image, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REFLECT_101
        ),
        np.uint8,
    )

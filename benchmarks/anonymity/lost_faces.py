"""Synthetic videos in which a detector loses faces, with the true place of each face."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from runtime.sources.demo_scene import HEIGHT, WIDTH, demo_scenes

FPS = 25.0

#: Length of each video, in frames.
FRAMES = 125

#: The portrait's face, and what of the picture goes with it: hair and neck.
_FACE = (181.5, 58.1, 269.9, 177.9)
_HEAD = (150, 10, 302, 222)


@dataclass(frozen=True)
class Pose:
    """Where a face is in a frame, and what makes it hard to find.

    Attributes:
        x: Centre of the face, in pixels.
        y: The same, downwards.
        side: Height of the face, in pixels.
        squeeze: Its width, as a share of the usual one: less as it turns away.
        angle: Its roll, in degrees.
        blur: Standard deviation of a blur, in pixels.
        light: Brightness, as a share.
        hidden: Share of the face behind something, from below; that is no truth.
    """

    x: float
    y: float
    side: float = 110.0
    squeeze: float = 1.0
    angle: float = 0.0
    blur: float = 0.0
    light: float = 1.0
    hidden: float = 0.0


def _between(t: float, start: float, end: float) -> float:
    """0 before `start`, 1 after `end`, and evenly between."""
    return min(1.0, max(0.0, (t - start) / (end - start)))


#: What a face that can't be found looks like: turned away, out of focus, in the dark.
_LOST = {"squeeze": 0.4, "blur": 7.0, "light": 0.35}


def _lost(t: float, start: float, end: float, x: float, y: float, side: float = 110.0) -> Pose:
    return Pose(x, y, side, **(_LOST if start <= t < end else {}))


def _stops(t: float) -> list[Pose]:
    # Walks, is lost, and stands still soon after.
    return [_lost(t, 1.8, 4.2, 120 + 160 * min(t, 2.1), 240)]


def _turns_back(t: float) -> list[Pose]:
    way = min(t, 2.0) - max(0.0, min(t, 4.0) - 2.0) * 0.6
    return [_lost(t, 1.8, 4.0, 150 + 130 * way, 220)]


def _stands(t: float) -> list[Pose]:
    return [_lost(t, 1.5, 3.9, 330 + 6 * math.sin(3 * t), 240)]


def _goes_on(t: float) -> list[Pose]:
    return [_lost(t, 1.5, 3.0, 100 + 90 * t, 200 + 20 * t, 90)]


def _behind(t: float) -> list[Pose]:
    return [Pose(250 + 40 * t, 240, hidden=0.65 if 1.5 <= t < 3.7 else 0.0)]


def _appears(t: float) -> list[Pose]:
    # Not to be found while it comes nearer and into focus.
    far = 1 - _between(t, 0.5, 2.0)
    return [Pose(480 - 90 * min(t, 2.5), 240, 110 - 40 * far, 1, 0, 8 * far, 1 - 0.7 * far)]


def _from_border(t: float) -> list[Pose]:
    return [Pose(-60 + 75 * t, 230, 120)]


def _walks_up(t: float) -> list[Pose]:
    return [Pose(320 + 10 * math.sin(t), 240, 9 * math.exp(0.5 * t))]


def _fills(t: float) -> list[Pose]:
    return [Pose(320 + 30 * math.sin(2 * t), 250, 300 + 60 * t)]


def _rolls(t: float) -> list[Pose]:
    return [Pose(330, 240, 120, angle=170 * _between(t, 1.0, 2.5) * (1 - _between(t, 3.5, 4.5)))]


def _overlap(t: float) -> list[Pose]:
    # Two heads together, one half behind the other.
    return [Pose(300 - 14 * math.sin(t), 232, 125, light=0.8), Pose(352 + 14 * math.sin(t), 246)]


def _cut(t: float) -> list[Pose]:
    return [Pose(150, 200) if t < 1.8 or t >= 3.4 else Pose(480, 280, 140)]


#: By name.
VIDEOS: dict[str, Callable[[float], list[Pose]]] = {
    "lost, then stops": _stops,
    "lost, then turns back": _turns_back,
    "lost while it stands": _stands,
    "lost while it goes on": _goes_on,
    "half behind something": _behind,
    "comes into focus": _appears,
    "comes in at the border": _from_border,
    "walks up from afar": _walks_up,
    "fills the picture": _fills,
    "rolls over": _rolls,
    "two that overlap": _overlap,
    "scene cut": _cut,
}


def frames(name: str) -> Iterator[tuple[NDArray[np.uint8], list[NDArray[np.bool_]]]]:
    """The frames of a video, and what in each is face.

    Args:
        name: A key of `VIDEOS`.

    Yields:
        (HEIGHT, WIDTH, 3) uint8 BGR, and a (HEIGHT, WIDTH) mask for each face.
    """
    portrait = demo_scenes()[0].image
    rng = np.random.default_rng(len(name))
    grounds = [_ground(rng), _ground(rng)]
    for index in range(FRAMES):
        poses = VIDEOS[name](index / FPS)
        # Where the face jumps, the scene does too.
        cut = name == "scene cut" and poses[0].x > WIDTH / 2
        picture = grounds[cut].copy()
        masks: list[NDArray[np.bool_]] = []
        for pose in poses:
            mask = _paste(picture, portrait, pose)
            for other in masks:
                other &= ~mask
            masks.append(mask)
        noise = rng.normal(0, 2.5, (HEIGHT, WIDTH, 1))
        yield np.clip(picture + noise, 0, 255).astype(np.uint8), masks


def _ground(rng: np.random.Generator) -> NDArray[np.float64]:
    """(HEIGHT, WIDTH, 3): something with edges and no face."""
    coarse = rng.uniform(40, 200, (6, 8, 3)).astype(np.float32)
    ground = cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC).astype(np.float64)
    for _ in range(12):
        x, y = rng.integers(0, (WIDTH, HEIGHT))
        w, h = rng.integers(20, 200, 2)
        ground[y : y + h, x : x + w] = rng.uniform(30, 220, 3)
    return ground


def _paste(
    picture: NDArray[np.float64], portrait: NDArray[np.uint8], pose: Pose
) -> NDArray[np.bool_]:
    """Draws a face into a picture, which it changes; returns where it is."""
    x1, y1, x2, y2 = _FACE
    scale, turn = pose.side / (y2 - y1), math.radians(pose.angle)
    cos, sin = math.cos(turn), math.sin(turn)
    linear = scale * np.array([[cos, -sin], [sin, cos]]) @ np.diag([pose.squeeze, 1.0])
    shift = np.array([pose.x, pose.y]) - linear @ np.array([(x1 + x2) / 2, (y1 + y2) / 2])
    matrix = np.column_stack([linear, shift])

    def draw(image: NDArray[np.float32]) -> NDArray[np.float32]:
        warped = cv2.warpAffine(image, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_AREA)
        return np.asarray(cv2.GaussianBlur(warped, (0, 0), pose.blur) if pose.blur else warped)

    shape = portrait.shape[:2]
    head, face = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    a, b, c, d = _HEAD
    centre, axes = ((a + c) // 2, (b + d) // 2), ((c - a) // 2, (d - b) // 2)
    cv2.ellipse(head, centre, axes, 0, 0, 360, 1.0, -1)
    head = np.asarray(cv2.GaussianBlur(head, (0, 0), 4), np.float32)
    face[round(y1) : round(y2), round(x1) : round(x2)] = 1
    alpha = draw(head)[:, :, None]
    layer = draw(portrait.astype(np.float32) * head[:, :, None])
    picture[:] = picture * (1 - alpha) + layer * pose.light
    mask: NDArray[np.bool_] = (
        cv2.warpAffine(face, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR) > 0.5
    )
    if pose.hidden:
        top = round(pose.y + pose.side * (0.5 - pose.hidden))
        picture[max(top, 0) :, :] = (70, 90, 110)
        mask[max(top, 0) :] = False
    return mask

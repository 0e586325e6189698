"""Videos of one shot in which much happens."""

from __future__ import annotations

import math

import cv2
import numpy as np

from benchmarks.shots.scenes import HEIGHT, WIDTH, head, place, view
from benchmarks.shots.synthetic import SyntheticVideo, grained, lit, long


def flash(rng: np.random.Generator) -> SyntheticVideo:
    """Flashes of one to three frames, over all of the picture or a part of it."""
    _, frames = long(rng)
    for start in (10, 22, 34, 46):
        kind, length = int(rng.integers(3)), int(rng.integers(1, 4))
        gain = rng.uniform(1.8, 6)
        x, y = rng.uniform(0, 1, 2)
        far = np.hypot(np.arange(WIDTH)[None] / WIDTH - x, np.arange(HEIGHT)[:, None] / HEIGHT - y)[
            ..., None
        ]
        glow = 1 + (gain - 1) * np.exp(-((far / rng.uniform(0.2, 0.8)) ** 2))
        for i in range(start, start + length):
            if kind == 0:
                frames[i] = lit(frames[i], gain, 30)
            elif kind == 1:
                frames[i] = np.clip(frames[i] * glow + 60 * (glow - 1), 0, 255).astype(np.uint8)
            else:
                frames[i] = np.full_like(frames[i], 255)
    return SyntheticVideo("flash", frames)


def pan(rng: np.random.Generator) -> SyntheticVideo:
    """Whip pans there and back: up to a seventh of the width a frame, blurred."""
    image = place(int(rng.integers(1000)))
    frames, x, last = [], 0.25, 0.25
    speeds = [0.0] * 8 + [0.01, 0.03, 0.05, 0.07, 0.07, 0.07, 0.07, 0.05, 0.03, 0.01] + [0.0] * 8
    for sign in (1, -1):
        for speed in speeds:
            x += sign * speed
            shades = [view(image, v, 0.5).astype(np.float32) for v in np.linspace(last, x, 7)[2:]]
            frames.append(np.mean(shades, axis=0).astype(np.uint8))
            last = x
    return SyntheticVideo("pan", frames)


def zoom(rng: np.random.Generator) -> SyntheticVideo:
    """In and out by up to 8% a frame."""
    image, speed = place(int(rng.integers(1000))), rng.uniform(1.03, 1.08)
    scales = [0.8] * 5 + [0.8 * speed**k for k in range(12)]
    scales += scales[::-1]
    return SyntheticVideo("zoom", [view(image, 0.5, 0.5, s) for s in scales])


def shake(rng: np.random.Generator) -> SyntheticVideo:
    """A camera that is shaken."""
    image = place(int(rng.integers(1000)))
    moves = rng.normal(0, 0.025, (50, 2))
    return SyntheticVideo(
        "shake",
        [view(image, 0.5 + x, 0.5 + y, 1.0, float(rng.normal(0, 1.5))) for x, y in moves],
    )


def walker(rng: np.random.Generator) -> SyntheticVideo:
    """Somebody who fills most of the picture walks by in about a second."""
    _, frames = long(rng)
    tall = int(HEIGHT * rng.uniform(1.0, 1.5))
    wide = int(tall * 0.75)
    person = cv2.resize(head(), (wide, tall))
    mask = np.zeros((tall, wide), np.uint8)
    cv2.ellipse(mask, (wide // 2, tall // 2), (wide // 2, tall // 2), 0, 0, 360, 255, -1)
    steps = int(rng.integers(14, 30))
    for k in range(steps):
        left = round(-wide + (WIDTH + wide) * k / steps)
        matrix = np.array([[1, 0, left], [0, 1, (HEIGHT - tall) / 2]], np.float32)
        over, where = (cv2.warpAffine(v, matrix, (WIDTH, HEIGHT)) for v in (person, mask))
        cv2.copyTo(over, where, frames[15 + k])
    return SyntheticVideo("walks_by", frames)


def lamps(rng: np.random.Generator) -> SyntheticVideo:
    """The light goes off and on: darker, of another colour, and from another side."""
    _, frames = long(rng)
    a, b = rng.uniform(0.3, 1.0, 2)
    slope = np.linspace(a, b, WIDTH)[None, :, None]
    tint = rng.uniform(0.25, 0.6) * np.array([0.7, 0.9, 1.1])
    for i in range(18, 40):
        frames[i] = np.clip(frames[i] * slope * tint + 3, 0, 255).astype(np.uint8)
    return SyntheticVideo("lamps", frames)


def quiet(rng: np.random.Generator) -> SyntheticVideo:
    """Nothing but a hand-held camera."""
    return SyntheticVideo("steady", long(rng)[1])


def snapshots(rng: np.random.Generator) -> SyntheticVideo:
    """A fixed camera once a second: people are elsewhere, light and noise differ."""
    image = place(int(rng.integers(1000)))
    frames = []
    for _ in range(40):
        frame = view(image, 0.5, 0.5, 1.0)
        for _ in range(int(rng.integers(0, 4))):
            tall = int(HEIGHT * rng.uniform(0.25, 0.8))
            wide = int(tall * 0.6)
            x, y = int(rng.uniform(0, WIDTH - wide)), int(rng.uniform(0, HEIGHT - tall))
            color = rng.integers(0, 255, 3).tolist()
            cv2.rectangle(frame, (x, y), (x + wide, HEIGHT), color, -1)
            frame[y : y + wide, x : x + wide] = cv2.resize(head(), (wide, wide))[: HEIGHT - y]
        frames.append(grained(lit(frame, rng.uniform(0.8, 1.2)), rng, 4))
    return SyntheticVideo("snapshots_1fps", frames, fps=1.0)


def moving_slow(rng: np.random.Generator) -> SyntheticVideo:
    """A moving camera at two frames a second: no picture is like the one before."""
    image = place(int(rng.integers(1000)))
    return SyntheticVideo(
        "moving_2fps",
        [
            view(image, 0.5 + 0.3 * math.sin(0.9 * i), 0.5 + 0.2 * math.sin(1.3 * i))
            for i in range(40)
        ],
        fps=2.0,
    )

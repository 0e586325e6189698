"""Films whose cuts are known, and films without one in which much happens."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np

from benchmarks.shots.scenes import HEIGHT, WIDTH, Image, head, place, portrait, view

#: Frames of a shot.
LENGTH = 30


@dataclass(frozen=True, eq=False)
class Film:
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


def _shot(image: Image, rng: np.random.Generator, count: int = LENGTH, **start: float) -> Shot:
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


def _join(kind: str, shots: list[Shot], fps: float = 25.0) -> Film:
    starts = np.cumsum([len(shot) for shot in shots])[:-1].tolist()
    return Film(kind, [f for shot in shots for f in shot], tuple((s, s) for s in starts), fps)


def _cuts(rng: np.random.Generator) -> Film:
    return _join("cut", [_shot(place(int(rng.integers(1000))), rng) for _ in range(5)])


def _angles(rng: np.random.Generator) -> Film:
    """Cuts within one place: other parts of it, as between two who talk."""
    image = place(int(rng.integers(1000)))
    spots = ((0.22, 1.2), (0.78, 1.2), (0.3, 1.6), (0.75, 1.0))
    return _join("cut_same_place", [_shot(image, rng, x=x, scale=s) for x, s in spots])


def _nearer(rng: np.random.Generator) -> Film:
    """Jump cuts: the same view, much nearer, and back."""
    image = place(int(rng.integers(1000)))
    x, y = rng.uniform(0.4, 0.6, 2)
    return _join("cut_nearer", [_shot(image, rng, x=x, y=y, scale=s) for s in (0.85, 1.9, 0.9, 2.1)])


def _same_person(rng: np.random.Generator) -> Film:
    scale = rng.uniform(0.6, 0.9)
    shots = [
        _shot(portrait(flip), rng, x=0.5 + rng.uniform(-0.05, 0.05), y=0.4, scale=scale)
        for flip in (False, True, False, True)
    ]
    return _join("cut_same_person", shots)


def _short(rng: np.random.Generator) -> Film:
    """Shots of 8 to 14 frames."""
    return _join(
        "cut_short",
        [_shot(place(int(rng.integers(1000))), rng, int(rng.integers(8, 15))) for _ in range(8)],
    )


def _slow(rng: np.random.Generator) -> Film:
    """Cuts at five frames a second."""
    film = _cuts(rng)
    return replace(
        film,
        kind="cut_5fps",
        frames=film.frames[::5],
        cuts=tuple((a // 5, b // 5) for a, b in film.cuts),
        fps=5.0,
    )


def _each(film: Film, kind: str, change: Callable[[Image], Image]) -> Film:
    return replace(film, kind=kind, frames=[change(frame) for frame in film.frames])


def _grained(image: Image, rng: np.random.Generator, strength: float) -> Image:
    noise = rng.normal(0, strength, image.shape)
    return np.asarray(np.clip(image + noise, 0, 255), np.uint8)


def _squeezed(image: Image, quality: int) -> Image:
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def _lit(image: Image, gain: float, more: float = 0.0) -> Image:
    return np.asarray(np.clip(image * gain + more, 0, 255), np.uint8)


def _grey(image: Image) -> Image:
    return np.repeat(image.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2)


def _blend(a: Image, b: Image, share: float) -> Image:
    return np.asarray(cv2.addWeighted(a, 1 - share, b, share, 0), np.uint8)


def _dissolve(rng: np.random.Generator, length: int = 12) -> Film:
    one, two = (_shot(place(int(rng.integers(1000))), rng, 2 * LENGTH) for _ in range(2))
    start = LENGTH
    frames = [
        _blend(a, b, float(np.clip((i - start + 1) / (length + 1), 0, 1)))
        for i, (a, b) in enumerate(zip(one, two, strict=True))
    ]
    return Film("dissolve", frames, ((start, start + length),))


def _through(rng: np.random.Generator, white: bool, same: bool) -> Film:
    """Fades out and in, into the same scene or another."""
    first = place(int(rng.integers(1000)))
    one = _shot(first, rng, x=0.5, y=0.5, scale=1.0)
    two = _shot(first if same else place(int(rng.integers(1000))), rng, x=0.5, y=0.5, scale=1.0)
    blank = np.full((HEIGHT, WIDTH, 3), 255 if white else 6, np.uint8)
    length, pause = int(rng.integers(6, 13)), int(rng.integers(1, 8))
    frames = []
    for i, frame in enumerate(one):
        left = len(one) - i
        frames.append(_blend(frame, blank, 1 - min(1.0, left / length)))
    frames += [blank] * pause
    start = len(frames)
    for i, frame in enumerate(two):
        frames.append(_blend(blank, frame, min(1.0, (i + 1) / length)))
    what = f"fade_{'white' if white else 'black'}"
    if same:
        return Film(f"{what}_same", frames)
    return Film(what, frames, ((start, start + length),))


def _long(rng: np.random.Generator) -> tuple[Image, Shot]:
    image = place(int(rng.integers(1000)))
    return image, _shot(image, rng, 2 * LENGTH)


def _flash(rng: np.random.Generator) -> Film:
    """Flashes of one to three frames, over all of the picture or a part of it."""
    _, frames = _long(rng)
    for start in (10, 22, 34, 46):
        kind, length = int(rng.integers(3)), int(rng.integers(1, 4))
        gain = rng.uniform(1.8, 6)
        x, y = rng.uniform(0, 1, 2)
        far = np.hypot(
            np.arange(WIDTH)[None] / WIDTH - x, np.arange(HEIGHT)[:, None] / HEIGHT - y
        )[..., None]
        glow = 1 + (gain - 1) * np.exp(-((far / rng.uniform(0.2, 0.8)) ** 2))
        for i in range(start, start + length):
            if kind == 0:
                frames[i] = _lit(frames[i], gain, 30)
            elif kind == 1:
                frames[i] = np.clip(frames[i] * glow + 60 * (glow - 1), 0, 255).astype(np.uint8)
            else:
                frames[i] = np.full_like(frames[i], 255)
    return Film("flash", frames)


def _pan(rng: np.random.Generator) -> Film:
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
    return Film("pan", frames)


def _zoom(rng: np.random.Generator) -> Film:
    """In and out by up to 8% a frame."""
    image, speed = place(int(rng.integers(1000))), rng.uniform(1.03, 1.08)
    scales = [0.8] * 5 + [0.8 * speed**k for k in range(12)]
    scales += scales[::-1]
    return Film("zoom", [view(image, 0.5, 0.5, s) for s in scales])


def _shake(rng: np.random.Generator) -> Film:
    image = place(int(rng.integers(1000)))
    moves = rng.normal(0, 0.025, (50, 2))
    return Film(
        "shake",
        [view(image, 0.5 + x, 0.5 + y, 1.0, float(rng.normal(0, 1.5))) for x, y in moves],
    )


def _walker(rng: np.random.Generator) -> Film:
    """Somebody who fills most of the picture walks by in about a second."""
    _, frames = _long(rng)
    tall = int(HEIGHT * rng.uniform(1.0, 1.5))
    wide = int(tall * 0.75)
    person = cv2.resize(head(), (wide, tall))
    mask = np.zeros((tall, wide), np.uint8)
    cv2.ellipse(mask, (wide // 2, tall // 2), (wide // 2, tall // 2), 0, 0, 360, 255, -1)
    steps = int(rng.integers(14, 30))
    for k in range(steps):
        left = round(-wide + (WIDTH + wide) * k / steps)
        matrix = np.float32([[1, 0, left], [0, 1, (HEIGHT - tall) / 2]])
        over, where = (cv2.warpAffine(v, matrix, (WIDTH, HEIGHT)) for v in (person, mask))
        cv2.copyTo(over, where, frames[15 + k])
    return Film("walks_by", frames)


def _lamps(rng: np.random.Generator) -> Film:
    """The light goes off and on: darker, of another colour, and from another side."""
    _, frames = _long(rng)
    slope = np.linspace(*rng.uniform(0.3, 1.0, 2), WIDTH)[None, :, None]
    tint = rng.uniform(0.25, 0.6) * np.array([0.7, 0.9, 1.1])
    for i in range(18, 40):
        frames[i] = np.clip(frames[i] * slope * tint + 3, 0, 255).astype(np.uint8)
    return Film("lamps", frames)


def _quiet(rng: np.random.Generator) -> Film:
    return Film("steady", _long(rng)[1])


def _snapshots(rng: np.random.Generator) -> Film:
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
        frames.append(_grained(_lit(frame, rng.uniform(0.8, 1.2)), rng, 4))
    return Film("snapshots_1fps", frames, fps=1.0)


def _moving_slow(rng: np.random.Generator) -> Film:
    """A moving camera at two frames a second: no picture is like the one before."""
    image = place(int(rng.integers(1000)))
    return Film(
        "moving_2fps",
        [view(image, 0.5 + 0.3 * math.sin(0.9 * i), 0.5 + 0.2 * math.sin(1.3 * i)) for i in range(40)],
        fps=2.0,
    )


#: What films are made of; each takes a generator of chance.
MAKERS: tuple[Callable[[np.random.Generator], Film], ...] = (
    _cuts,
    _angles,
    _nearer,
    _same_person,
    _short,
    _slow,
    lambda rng: _each(_cuts(rng), "cut_grain", lambda image: _grained(image, rng, 25)),
    lambda rng: _each(_cuts(rng), "cut_dark", lambda im: _grained(_lit(im, 0.12, 4), rng, 3)),
    lambda rng: _each(_cuts(rng), "cut_grey", _grey),
    lambda rng: _each(_cuts(rng), "cut_compressed", lambda image: _squeezed(image, 8)),
    lambda rng: _through(rng, white=False, same=False),
    lambda rng: _through(rng, white=True, same=False),
    _dissolve,
    _quiet,
    _flash,
    _pan,
    _zoom,
    _shake,
    _walker,
    _lamps,
    lambda rng: _through(rng, white=False, same=True),
    lambda rng: _through(rng, white=True, same=True),
    lambda rng: _each(_quiet(rng), "grain", lambda image: _grained(image, rng, 35)),
    lambda rng: _each(_quiet(rng), "dark", lambda im: _grained(_lit(im, 0.1, 3), rng, 4)),
    lambda rng: _each(_quiet(rng), "compressed", lambda image: _squeezed(image, 6)),
    _snapshots,
    _moving_slow,
)


def films(count: int, seed: int = 0) -> Iterator[Film]:
    """So many films of each kind."""
    for number, make in enumerate(MAKERS):
        for k in range(count):
            yield make(np.random.default_rng((seed, number, k)))

"""Videos with cuts, fades and dissolves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from benchmarks.shots.scenes import HEIGHT, WIDTH, place, portrait
from benchmarks.shots.synthetic import LENGTH, SyntheticVideo, blend, join, shot


def other_places(rng: np.random.Generator) -> SyntheticVideo:
    """Cuts between places."""
    return join("cut", [shot(place(int(rng.integers(1000))), rng) for _ in range(5)])


def angles(rng: np.random.Generator) -> SyntheticVideo:
    """Cuts within one place: other parts of it, as between two who talk."""
    image = place(int(rng.integers(1000)))
    spots = ((0.22, 1.2), (0.78, 1.2), (0.3, 1.6), (0.75, 1.0))
    return join("cut_same_place", [shot(image, rng, x=x, scale=s) for x, s in spots])


def nearer(rng: np.random.Generator) -> SyntheticVideo:
    """Jump cuts: the same view, much nearer, and back."""
    image = place(int(rng.integers(1000)))
    x, y = rng.uniform(0.4, 0.6, 2)
    return join("cut_nearer", [shot(image, rng, x=x, y=y, scale=s) for s in (0.85, 1.9, 0.9, 2.1)])


def same_person(rng: np.random.Generator) -> SyntheticVideo:
    """The portrait, and it mirrored, darker and elsewhere."""
    scale = rng.uniform(0.6, 0.9)
    shots = [
        shot(portrait(flip), rng, x=0.5 + rng.uniform(-0.05, 0.05), y=0.4, scale=scale)
        for flip in (False, True, False, True)
    ]
    return join("cut_same_person", shots)


def short(rng: np.random.Generator) -> SyntheticVideo:
    """Shots of 8 to 14 frames."""
    return join(
        "cut_short",
        [shot(place(int(rng.integers(1000))), rng, int(rng.integers(8, 15))) for _ in range(8)],
    )


def slow(rng: np.random.Generator) -> SyntheticVideo:
    """Cuts at five frames a second."""
    video = other_places(rng)
    return replace(
        video,
        kind="cut_5fps",
        frames=video.frames[::5],
        cuts=tuple((a // 5, b // 5) for a, b in video.cuts),
        fps=5.0,
    )


def dissolve(rng: np.random.Generator, length: int = 12) -> SyntheticVideo:
    """One place fades into another."""
    one, two = (shot(place(int(rng.integers(1000))), rng, 2 * LENGTH) for _ in range(2))
    start = LENGTH
    frames = [
        blend(a, b, float(np.clip((i - start + 1) / (length + 1), 0, 1)))
        for i, (a, b) in enumerate(zip(one, two, strict=True))
    ]
    return SyntheticVideo("dissolve", frames, ((start, start + length),))


def through(rng: np.random.Generator, white: bool, same: bool) -> SyntheticVideo:
    """Fades out and in, into the same scene or another."""
    first = place(int(rng.integers(1000)))
    one = shot(first, rng, x=0.5, y=0.5, scale=1.0)
    two = shot(first if same else place(int(rng.integers(1000))), rng, x=0.5, y=0.5, scale=1.0)
    blank = np.full((HEIGHT, WIDTH, 3), 255 if white else 6, np.uint8)
    length, pause = int(rng.integers(6, 13)), int(rng.integers(1, 8))
    frames = []
    for i, frame in enumerate(one):
        left = len(one) - i
        frames.append(blend(frame, blank, 1 - min(1.0, left / length)))
    frames += [blank] * pause
    start = len(frames)
    for i, frame in enumerate(two):
        frames.append(blend(blank, frame, min(1.0, (i + 1) / length)))
    what = f"fade_{'white' if white else 'black'}"
    if same:
        return SyntheticVideo(f"{what}_same", frames)
    return SyntheticVideo(what, frames, ((start, start + length),))

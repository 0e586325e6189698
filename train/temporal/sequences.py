"""Sequences made of still faces, as a camera and a detector would give them.

One face for some seconds, then perhaps another with another label. The frame
drifts as a detector's boxes do, light flickers, the sensor adds noise, motion
blurs; degradations (blur, noise, darkness, distance, occlusion) come and go.
Frames come at a rate of the sequence's own, unevenly, and some not at all.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from runtime.errors import UserError
from train.data.corruptions import CORRUPTIONS, STRENGTHS
from train.datasets.faces import FaceSet

Face = NDArray[np.uint8]

#: Kinds of degradation: these of the corruptions, and motion.
DEGRADATIONS = ("blur", "noise", "dark", "low_resolution", "occlusion", "motion")

#: A degradation's strength, 1 to 5, from which a frame counts as degraded.
_DEGRADED = 2


@dataclass(frozen=True)
class SequenceOptions:
    """How sequences are made.

    Attributes:
        seconds: How long each face shows, were no frame lost.
        fps: Lowest and highest frames a second; each sequence has one.
        noise: Lowest and highest deviation of the sensor's noise, of 255.
        jitter: Largest relative change of the time between two frames.
        lost: Probability that a frame comes two frame times later.
        change: Probability that another face follows the first.
        degradations: How many begin in a second, on average.
    """

    seconds: float = 2.5
    fps: tuple[float, float] = (6.0, 20.0)
    noise: tuple[float, float] = (2.0, 14.0)
    jitter: float = 0.3
    lost: float = 0.03
    change: float = 0.6
    degradations: float = 0.5


@dataclass(frozen=True)
class Degradation:
    """A time in which the picture is worse; it comes and goes like half a sine.

    Attributes:
        kind: One of `DEGRADATIONS`.
        start_s: When it begins, in seconds.
        end_s: When it ends.
        strength: Its peak, 0 to 1.
        seed: Seed of its draws, so that what hides a face stays in its place.
    """

    kind: str
    start_s: float
    end_s: float
    strength: float
    seed: int

    def level(self, time_s: float) -> int:
        """Gives the strength at a time: 0 for none, else one of `STRENGTHS`."""
        phase = (time_s - self.start_s) / (self.end_s - self.start_s)
        if not 0 < phase < 1:
            return 0
        return math.ceil(self.strength * math.sin(math.pi * phase) * STRENGTHS[-1])

    def apply(self, face: Face, time_s: float, rng: np.random.Generator) -> Face:
        """Shows the face at this time; `rng` draws what changes from frame to frame."""
        level = self.level(time_s)
        if not level:
            return face
        if self.kind == "motion":
            return _smear(face, 0.03 * level * face.shape[1])
        own = rng if self.kind == "noise" else np.random.default_rng(self.seed)
        return CORRUPTIONS[self.kind](face, level, own)


@dataclass(frozen=True, eq=False)
class FaceSequence:
    """T frames of a face, or of two faces one after the other.

    Attributes:
        frames: T grey (H, W) uint8 faces.
        times: (T,) float64 seconds, rising.
        faces: (T,) int64 index into the face set.
        degraded: (T,) bool, where a degradation is strong.
        change: First frame of the second face; T where there is none.
    """

    frames: list[Face]
    times: NDArray[np.float64]
    faces: NDArray[np.int64]
    degraded: NDArray[np.bool_]
    change: int


def make_sequence(
    faces: FaceSet, options: SequenceOptions, rng: np.random.Generator
) -> FaceSequence:
    """Makes a sequence of one or two faces with a majority label.

    Args:
        faces: Faces, all with a majority, of two labels at least.
        options: How it is made.
        rng: Source of every draw.

    Raises:
        UserError: The faces don't have two labels.
    """
    if len(np.unique(faces.majority)) < 2:
        raise UserError(f"{faces.name}: sequences need faces of two labels")
    first = int(rng.integers(len(faces)))
    chosen = [first]
    if rng.random() < options.change:
        others = np.flatnonzero(faces.majority != faces.majority[first])
        chosen.append(int(rng.choice(others)))
    low, high = options.fps
    fps = low * (high / low) ** rng.random()
    count = max(2, round(options.seconds * fps))
    times = _draw_times(len(chosen) * count, fps, options, rng)
    degradations = _draw_degradations(float(times[-1]), options.degradations, rng)
    noise = rng.uniform(*options.noise)
    frames: list[Face] = []
    for number, index in enumerate(chosen):
        part = times[number * count : (number + 1) * count]
        frames += show_face(_grey(faces.images[index]), part, noise, rng, degradations)
    worst = [max((d.level(t) for d in degradations), default=0) for t in times.tolist()]
    return FaceSequence(
        frames,
        times,
        np.repeat(np.array(chosen, np.int64), count),
        np.array(worst) >= _DEGRADED,
        count,
    )


def show_face(
    face: Face,
    times: Sequence[float] | NDArray[np.float64],
    noise: float,
    rng: np.random.Generator,
    degradations: Iterable[Degradation] = (),
) -> list[Face]:
    """Shows a still face as a camera and a detector would give it.

    Drift of place, scale and roll are random walks pulled back to the middle
    (about 3% of the side, 3% and 4 degrees); the light flickers by 5% and
    drifts by 15%; now and then the head moves, and the picture smears.

    Args:
        face: (H, W) uint8.
        times: T times in seconds, rising; two or more.
        noise: Standard deviation of the sensor's noise, of 255.
        rng: Source of every draw.
        degradations: What else happens to the picture, and when.

    Returns:
        T frames of the face's shape.
    """
    side = face.shape[0]
    walk, scale = np.zeros(5), np.array([0.03 * side, 0.03 * side, 0.03, 4.0, 0.15])
    smear = 0.0
    frames = []
    for time_s, step in zip(times, np.diff(times, prepend=2 * times[0] - times[1]), strict=True):
        pull = math.exp(-step / 0.5)
        walk = pull * walk + math.sqrt(1 - pull**2) * rng.standard_normal(5)
        x, y, zoom, roll, light = walk * scale + rng.normal(0, (0.3, 0.3, 0.01, 0.5, 0.05), 5)
        matrix = cv2.getRotationMatrix2D(((side - 1) / 2, (side - 1) / 2), roll, 1 + zoom)
        matrix[:, 2] += x, y
        view: Face = np.asarray(
            cv2.warpAffine(face, matrix, (side, side), borderMode=cv2.BORDER_REPLICATE), np.uint8
        )
        if rng.random() < 0.5 * step:
            smear = rng.uniform(0.03, 0.1) * side
        view = _smear(view, smear)
        smear *= math.exp(-step / 0.3)
        for degradation in degradations:
            view = degradation.apply(view, float(time_s), rng)
        noisy = view * (1 + light) + rng.normal(0, noise, view.shape)
        frames.append(np.asarray(noisy.clip(0, 255).round(), np.uint8))
    return frames


def _draw_times(
    count: int, fps: float, options: SequenceOptions, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Draws (count,) seconds from 0 on."""
    steps = rng.uniform(1 - options.jitter, 1 + options.jitter, count) / fps
    steps[rng.random(count) < options.lost] += 2 / fps
    times: NDArray[np.float64] = np.cumsum(steps) - steps[0]
    return times


def _draw_degradations(seconds: float, rate: float, rng: np.random.Generator) -> list[Degradation]:
    drawn = []
    for _ in range(rng.poisson(rate * seconds)):
        length, middle = rng.uniform(0.4, 1.6), rng.uniform(0, seconds)
        drawn.append(
            Degradation(
                DEGRADATIONS[int(rng.integers(len(DEGRADATIONS)))],
                middle - length / 2,
                middle + length / 2,
                rng.uniform(0.4, 1.0),
                int(rng.integers(2**31)),
            )
        )
    return drawn


def _smear(face: Face, width: float) -> Face:
    """Moves the face sideways by some pixels while it is taken."""
    if width <= 0.5:
        return face
    return np.asarray(cv2.blur(face, (max(1, round(width)), 1)), np.uint8)


def _grey(face: NDArray[np.uint8]) -> Face:
    grey = face if face.ndim == 2 else cv2.cvtColor(face, cv2.COLOR_BGR2GRAY)
    return np.asarray(grey, np.uint8)

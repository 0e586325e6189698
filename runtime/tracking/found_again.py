"""Thumbnails of pictures, and how much of one is found again in another.

Both are made for moving pictures: brightness and contrast don't count, nor does where all
of the picture went, nor, by a few pixels, where a part of it did.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

#: Size of the thumbnail, its blocks (four by four), and the enlargement of what it is made of.
_WIDTH, _HEIGHT = 64, 48
_BLOCKS = 4
_W, _H = _WIDTH // _BLOCKS, _HEIGHT // _BLOCKS
_SAMPLES = 3

#: Side of the surroundings that are taken away from each pixel, so that slow changes of
#: light over the picture don't count.
_AROUND = 15

#: How far a block may be off the way of the whole picture, in pixels of the thumbnail.
_REACH = 3

#: Deviation of a block from which it shows something, what it weighs at most, and how
#: many blocks must show something.
_TEXTURE, _HEAVY, _LEAST = 0.7, 20.0, 3

#: Mean deviation of the blocks of a picture that shows enough, and how much more it is
#: where all of it is burnt.
_SHOWS, _SHOWS_BURNT = 1.0, 3.0

#: Brightness from which a pixel tells nothing, and least pixels of a block that do.
_BURNT, _SOUND = 245, 40

#: Correlation from which a block is found without doubt.
_EXACT = 0.93

#: Eight levels of brightness; dark ones are told apart more finely.
_LEVELS = (np.sqrt(np.arange(256) / 256) * 8).astype(np.int16)

_WINDOW = cv2.createHanningWindow((_WIDTH, _HEIGHT), cv2.CV_32F)

_Grey = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class SeenPicture:
    """A picture that was seen.

    Attributes:
        time_s: Media time in seconds.
        colors: (48, 64, 3) thumbnail, BGR.
        grey: (48, 64) its brightness, a little blurred.
        fine: The same without slow changes over the picture.
    """

    time_s: float
    colors: NDArray[np.uint8]
    grey: _Grey
    fine: _Grey

    @classmethod
    def of(cls, image: NDArray[np.uint8], time_s: float) -> SeenPicture:
        """Makes the thumbnails of a (H, W, 3) uint8 BGR picture."""
        if image.shape[0] > _SAMPLES * _HEIGHT and image.shape[1] > _SAMPLES * _WIDTH:
            # A sample of the pixels: the mean of all takes longer than all the rest.
            size = (_SAMPLES * _WIDTH, _SAMPLES * _HEIGHT)
            image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_NEAREST), np.uint8)
            # The means of three by three, as INTER_AREA gives them to the bit, in less time.
            middle = slice(_SAMPLES // 2, None, _SAMPLES)
            colors = np.ascontiguousarray(cv2.blur(image, (_SAMPLES, _SAMPLES))[middle, middle])
        else:
            colors = cv2.resize(image, (_WIDTH, _HEIGHT), interpolation=cv2.INTER_AREA)
        grey = cv2.blur(cv2.cvtColor(colors, cv2.COLOR_BGR2GRAY).astype(np.float32), (3, 3))
        fine = np.asarray(grey - cv2.blur(grey, (_AROUND, _AROUND)), np.float32)
        return cls(time_s, np.asarray(colors, np.uint8), np.asarray(grey, np.float32), fine)

    @cached_property
    def textures(self) -> _Grey:
        """(4, 4) deviation in each block."""
        mean, of_squares = (_mean_of_blocks(v) for v in (self.fine, self.fine * self.fine))
        return np.asarray(np.sqrt(np.maximum(of_squares - mean * mean, 0)), np.float32)

    @cached_property
    def shows(self) -> bool:
        """Whether it shows enough to be told from another."""
        least = _SHOWS + _SHOWS_BURNT * self.burnt.mean()
        return bool(self.textures.mean() > least and (self.textures > _TEXTURE).sum() >= _LEAST)

    @cached_property
    def burnt(self) -> NDArray[np.bool_]:
        """(48, 64) which pixels are so bright that they tell nothing."""
        return np.asarray(self.grey > _BURNT)

    @cached_property
    def histogram(self) -> NDArray[np.float64]:
        """(512,) share of each colour; dark ones are told apart more finely."""
        blue, green, red = cv2.split(_LEVELS[self.colors])
        counts = np.bincount((blue * 64 + green * 8 + red).ravel(), minlength=512)
        return np.asarray(counts / (_WIDTH * _HEIGHT))


@dataclass(frozen=True, slots=True)
class Found:
    """How much of a picture is found in another.

    Attributes:
        mean: Correlation of its blocks at their best places.
        exact: Share of them that are found without doubt.
    """

    mean: float
    exact: float


def find_again(old: SeenPicture, now: SeenPicture) -> Found | None:
    """How much of a picture is found in an earlier one; None where that can't be told."""
    # It writes to what it is given.
    way, _ = cv2.phaseCorrelate(old.fine.copy(), now.fine.copy(), _WINDOW)
    moves = {(0, 0), (round(way[0]), round(way[1]))}
    x_most, y_most = 2 * _W, 2 * _H
    wide = cv2.copyMakeBorder(old.fine, y_most, y_most, x_most, x_most, cv2.BORDER_REPLICATE)
    burnt = old.burnt | now.burnt
    burnt_blocks = _mean_of_blocks(burnt.astype(np.float32)) if burnt.any() else None
    weights, founds = [], []
    for row in range(_BLOCKS):
        for column in range(_BLOCKS):
            top, left = row * _H, column * _W
            here = slice(top, top + _H), slice(left, left + _W)
            if burnt_blocks is not None and burnt_blocks[row, column] > 0.05:
                found, weight = _find_sound(old.fine[here], now.fine[here], ~burnt[here])
            else:
                weight = float(now.textures[row, column])
                if weight < _TEXTURE:
                    continue
                found = -1.0
                for x, y in moves:
                    y0, x0 = y_most + top - y - _REACH, x_most + left - x - _REACH
                    place = wide[
                        max(y0, 0) : y0 + _H + 2 * _REACH, max(x0, 0) : x0 + _W + 2 * _REACH
                    ]
                    if place.shape[0] >= _H and place.shape[1] >= _W:
                        fit = cv2.matchTemplate(place, now.fine[here], cv2.TM_CCOEFF_NORMED)
                        found = max(found, float(fit.max()))
            if weight >= _TEXTURE:
                weights.append(min(weight, _HEAVY))
                founds.append(found)
    if len(founds) < _LEAST:
        return None
    share = np.array(weights) / sum(weights)
    values = np.array(founds)
    return Found(float(share @ values), float(share @ (values > _EXACT)))


def _find_sound(old: _Grey, now: _Grey, sound: NDArray[np.bool_]) -> tuple[float, float]:
    """(correlation, deviation) of what isn't burnt of a block; zeros where that is little."""
    if sound.sum() < _SOUND:
        return 0.0, 0.0
    a, b = old[sound], now[sound]
    a, b = a - a.mean(), b - b.mean()
    return float((a * b).mean() / max(a.std() * b.std(), 0.1)), float(b.std())


def _mean_of_blocks(image: _Grey) -> _Grey:
    size = (_BLOCKS, _BLOCKS)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.float32)


def alike(a: SeenPicture, b: SeenPicture) -> float:
    """Correlation of two thumbnails where they are."""
    one, other = a.fine.ravel(), b.fine.ravel()
    size = float(np.sqrt(np.dot(one, one) * np.dot(other, other)))
    return float(np.dot(one, other)) / size if size > _TEXTURE**2 * one.size / 4 else 0.0

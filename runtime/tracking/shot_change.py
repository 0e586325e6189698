"""Cuts to another shot, told from all else that changes a picture.

A shot goes on where most of a picture is found again in one before it, at about the same
place, or all of it moved by the same way: in blocks of a thumbnail, whose correlation
brightness and contrast don't change. So light, flashes, pans, shakes, zooms and people who
walk by are no cut. Where a picture shows nothing (black, or white in a flash), the next one
that does is compared with those from before it, so that a fade into another scene is a cut
and a fade back into the same one is none. A dissolve is told by the pictures between two,
which are blends of both.

The limits come from the videos of `benchmarks.shots`, which also says how often they fail.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from runtime.tracking.found_again import Found, SeenPicture, alike, find_again

#: Correlation of whole thumbnails from which no block is looked at.
_ALIKE = 0.85

#: Where colours agree by so much, blocks must be found by less than so much at a cut ...
_COLORS = (0.65, 0.72, 0.85), (0.86, 0.80, 0.55)
#: ... or, where so many of them are found exactly, by less than this, if all was steady
#: before (first) or moved.
_FOUND = (0.1, 0.25), (0.8, 0.55), (0.7, 0.55)
_STEADY = 0.97

#: How far below what is usual in a video it must be: no two pictures are alike where a
#: camera that moves gives two a second.
_BELOW = 0.1, 0.25

#: Share of blocks found exactly, and of colours that agree, from which nothing else counts.
_ENOUGH, _HALF = 0.3, 0.5

#: How much more a picture must differ from the one before it than is usual, where blocks
#: aren't usually found by more than this: grain differs everywhere. So the first pictures
#: of a video, of which nothing is usual yet, are no cut.
_NOISE, _CLEAN = 1.5, 0.9

#: Time between two pictures from which little is expected to be found again, in seconds,
#: and the limits there: blocks found, and colours that agree.
_SLOW_S, _SLOW_FOUND, _SLOW_COLORS = 0.35, 0.45, 0.3

#: Longest flash, in seconds; how much brighter it makes a picture, and how much darker
#: a pixel may become all the same.
_FLASH_S, _BRIGHTER, _DARKER = 0.2, 15.0, 6.0

#: How long pictures are kept to be compared with, in seconds; how many; those that a
#: picture is compared with, from the last; and those that a dissolve may begin at.
_KEPT_S, _KEPT, _EARLIER, _BEGUN = 1.2, 16, (1, 3, 6), (6, 12)

#: A dissolve: largest correlation of its ends, least difference of them in steps of
#: brightness, least contrast of one end by the other's (else it is a fade), and largest
#: share of the difference that a picture between is off the blend of both.
_ENDS, _CHANGED, _FADED, _OFF = 0.6, 8.0, 0.25, 0.25


class ShotChange:
    """Finds the first frame of each shot of one stream."""

    def __init__(self) -> None:
        """Has seen nothing."""
        self._last: SeenPicture | None = None
        self._kept: deque[SeenPicture] = deque(maxlen=_KEPT)
        self._usual: deque[float] = deque(maxlen=7)
        self._differences: deque[float] = deque(maxlen=7)
        self._before_flash: SeenPicture | None = None

    def begins(self, image: NDArray[np.uint8], time_s: float) -> bool:
        """Whether a frame is the first of another shot than the one before it.

        Args:
            image: (H, W, 3) uint8 BGR.
            time_s: Media time in seconds; does not go back.
        """
        now = SeenPicture.of(image, time_s)
        last, self._last = self._last, now
        if last is None:
            self._keep(now)
            return False
        cut = self._is_cut(last, now)
        if cut:
            self._kept.clear()
        self._keep(now)
        return cut

    def _is_cut(self, last: SeenPicture, now: SeenPicture) -> bool:
        """Whether a picture is of another shot than the one before it."""
        correlation = alike(last, now)
        differs = float(np.abs(now.fine - last.fine).mean())
        noise = _median(self._differences) if self._differences else differs
        self._differences.append(differs)
        if correlation >= _ALIKE:
            self._usual.append(1.0)
            return self._is_dissolved(now)
        if not now.shows or self._is_flash(last, now):
            return False
        others = [last, *(self._kept[-n] for n in _EARLIER if n <= len(self._kept))]
        slow = now.time_s - last.time_s > _SLOW_S
        known = len(self._usual) > 2
        usual = _median(self._usual) if known else 0.6 if slow else 1.0
        noisy = last.shows and differs < _NOISE * noise and not (known and usual > _CLEAN)
        best = None
        for other in dict.fromkeys(others):
            found = find_again(other, now)
            if found is None:
                continue
            best = found.mean if best is None else max(best, found.mean)
            agree = float(np.minimum(other.histogram, now.histogram).sum())
            limit = min(_limit(found, agree, slow, usual), usual - _BELOW[slow])
            if found.mean >= limit or (found.exact > _ENOUGH and agree > _HALF):
                self._usual.append(best)
                return self._is_dissolved(now)
        if best is None:
            return False
        self._usual.append(best if slow or noisy else 1.0)
        return not noisy

    def _is_flash(self, last: SeenPicture, now: SeenPicture) -> bool:
        """Whether a picture is brighter everywhere, and only for a moment.

        It must be burnt in places, or like the one before the flash, or it is another scene.
        """
        before = self._before_flash
        if before is None or now.time_s - before.time_s > _FLASH_S:
            before = last
        brighter = now.grey - before.grey
        flash = (
            now.time_s - before.time_s <= _FLASH_S
            and brighter.mean() >= _BRIGHTER
            and (brighter > -_DARKER).mean() >= 0.95
            and (now.burnt.mean() >= 0.15 or alike(before, now) >= 0.4)
        )
        self._before_flash = before if flash else None
        return bool(flash)

    def _is_dissolved(self, now: SeenPicture) -> bool:
        """Whether the pictures since some time are blends of the one then and this one."""
        kept = self._kept
        if not kept or now.time_s - kept[-1].time_s < _KEPT_S / _KEPT:
            return False
        for back in _BEGUN:
            if back > len(kept):
                return False
            old = kept[-back]
            way = now.grey - old.grey
            size = float((way * way).sum())
            faint, strong = sorted((old.textures.mean(), now.textures.mean()))
            if size < _CHANGED**2 * way.size or faint < _FADED * strong or alike(old, now) > _ENDS:
                continue
            blends = []
            for place in (back // 3, 2 * back // 3):
                middle = kept[place - back].grey - old.grey
                share = float((middle * way).sum()) / size
                rest = middle - share * way
                off = float(np.sqrt((rest * rest).sum() / size))
                blends.append(0.1 < share < 0.9 and off < _OFF)
            found = find_again(old, now) if all(blends) else None
            if found is not None and found.mean < _FOUND[2][0]:
                return True
        return False

    def _keep(self, seen: SeenPicture) -> None:
        """Keeps a picture to compare with, if it shows something."""
        kept = self._kept
        while len(kept) > 1 and seen.time_s - kept[1].time_s > _KEPT_S:
            kept.popleft()
        if (not kept or seen.time_s - kept[-1].time_s >= _KEPT_S / _KEPT) and seen.shows:
            kept.append(seen)


def _limit(found: Found, agree: float, slow: bool, usual: float) -> float:
    """How much of a picture must be found in another to be of its shot.

    Args:
        found: What is found, of which the share that is found exactly counts here.
        agree: Share of the colours that agree.
        slow: Whether much time is between them.
        usual: How much is usually found.
    """
    if slow:
        return _SLOW_FOUND if agree < _SLOW_COLORS else -1.0
    few = _FOUND[1] if usual >= _STEADY else _FOUND[2]
    return max(float(np.interp(agree, *_COLORS)), float(np.interp(found.exact, _FOUND[0], few)))


def _median(values: Collection[float]) -> float:
    """The middle of a few numbers, in a tenth of NumPy's time for them."""
    ordered, half = sorted(values), len(values) // 2
    return ordered[half] if len(values) % 2 else (ordered[half - 1] + ordered[half]) / 2

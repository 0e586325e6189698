"""Frames held back for a while, so that a face is hidden before it is first found."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

from runtime.messages import FrameResult
from runtime.vision.boxes import Box, sweep

#: Most memory for the frames that are held back, in bytes: a second of 1080p at 30
#: frames a second, a third of one in 4K.
_BYTES = 256 * 2**20

#: Time after a face is first found from which its speed is taken, in seconds.
_SPEED_S = 0.4

#: How long a face that was seen may come back, in seconds; no track lasts longer unseen.
_FORGET_S = 2.5

#: Most faces of the time ahead that are hidden one by one; of more, the whole picture is.
_MOST = 256

_Sightings = tuple[tuple[int, Box], ...]


class LookAhead:
    """Delays one stream's results and adds to each the faces that come soon after.

    A face that was seen before and is seen again is hidden where it must have
    been between; one that is new, on its way back from where it is first found.
    """

    def __init__(self, seconds: float, share: int = 1) -> None:
        """Holds nothing yet.

        Args:
            seconds: Media time by which results are held back.
            share: How many of these share the memory; where it is used up, results
                are held back for less long.
        """
        self._seconds = seconds
        self._bytes = _BYTES // share
        self._held: deque[tuple[FrameResult, dict[int, Box]]] = deque()
        self._size = 0
        # When and where a face was last seen, in results that are out.
        self._last: dict[int, tuple[float, Box]] = {}

    def add(self, result: FrameResult, sightings: _Sightings) -> list[FrameResult]:
        """Takes a result.

        Args:
            result: The next one of the stream.
            sightings: As `TrackedFrame`.

        Returns:
            Those whose time has come, with all their regions, in order.
        """
        if result.name or (self._held and result.time_s < self._held[-1][0].time_s):
            # Nothing moves on from one picture to the next, or back in time.
            ready = self.flush()
            self._last.clear()
        else:
            ready = []
        height, width = result.image.shape[:2]
        # As shares of the picture, whose size may change.
        boxes = {key: _scale(box, 1 / width, 1 / height) for key, box in sightings}
        self._held.append((result, boxes))
        self._size += result.image.nbytes
        if result.name:
            return ready + self.flush()
        while (
            result.time_s - self._held[0][0].time_s >= self._seconds or self._size > self._bytes
        ) and len(self._held) > 1:
            ready.append(self._take())
        return ready

    def flush(self) -> list[FrameResult]:
        """The results that are still held back, with what is known."""
        return [self._take() for _ in range(len(self._held))]

    def _take(self) -> FrameResult:
        """The oldest result, with the regions of the faces that are found later."""
        result, own = self._held.popleft()
        self._size -= result.image.nbytes
        now_s = result.time_s
        later: dict[int, list[tuple[float, Box]]] = {}
        for other, boxes in self._held:
            for key, box in boxes.items():
                if key not in own:
                    later.setdefault(key, []).append((other.time_s, box))
        height, width = result.image.shape[:2]
        more: list[Box] = []
        if len(later) > _MOST:
            more, later = [(0.0, 0.0, float(width), float(height))], {}
        for key, seen in later.items():
            way = _between(self._last[key], seen[0], now_s) if key in self._last else None
            more += [_scale(box, width, height) for box in way or _back(seen, now_s)]
        self._last |= {key: (now_s, box) for key, box in own.items()}
        self._last = {k: last for k, last in self._last.items() if now_s - last[0] <= _FORGET_S}
        return replace(result, regions=(*result.regions, *more)) if more else result


def _scale(box: Box, x: float, y: float) -> Box:
    return box[0] * x, box[1] * y, box[2] * x, box[3] * y


def _between(last: tuple[float, Box], first: tuple[float, Box], now_s: float) -> list[Box]:
    """Where a face is that was lost and found again."""
    (last_s, start), (first_s, end) = last, first
    part = (now_s - last_s) / max(first_s - last_s, 1e-9)
    x1, y1, x2, y2 = (a + part * (b - a) for a, b in zip(start, end, strict=True))
    return sweep((x1, y1, x2, y2), end)


def _back(seen: list[tuple[float, Box]], now_s: float) -> list[Box]:
    """From where a face is first found, back to where it would come from."""
    first_s, first = seen[0]
    later_s, later = max((s, box) for s, box in seen if s <= first_s + _SPEED_S)
    if later_s <= first_s:
        return [first]
    times = (first_s - now_s) / (later_s - first_s)
    x, y = (times * (later[i] + later[i + 2] - first[i] - first[i + 2]) / 2 for i in (0, 1))
    return sweep(first, (first[0] - x, first[1] - y, first[2] - x, first[3] - y))

"""Pictures that stay black or stay the same, which a source may take for success."""

from __future__ import annotations

import logging

import numpy as np
from numpy.typing import NDArray

log = logging.getLogger(__name__)

#: How long a picture may be wholly black before it is said, in seconds: fades and titles
#: are shorter.
BLACK_S = 10.0

#: How long a live picture may be the same to the last bit, in seconds. A sensor's noise never
#: is; what a coder leaves out of a quiet scene comes back with its next whole picture.
FROZEN_S = 30.0

#: Samples a side, of which no scene has all alike by chance.
_SIDE = 32


class StillnessWatch:
    """Notices that a source gives black pictures, or the same one again and again.

    Looks at some samples of each picture: a few microseconds.
    """

    def __init__(self, name: str) -> None:
        """Has seen nothing yet.

        Args:
            name: The source's, for the log; without credentials.
        """
        self._name = name
        self._last: NDArray[np.uint8] | None = None
        # Since when it is black, and since when the same.
        self._black_s: float | None = None
        self._same_s = 0.0
        self._told = ""

    def see(self, image: NDArray[np.uint8], time_s: float, live: bool) -> None:
        """Looks at the next picture; says once what is wrong, and once that it is over.

        Args:
            image: (H, W, 3) uint8.
            time_s: Its media time in seconds.
            live: Whether the same picture for long is a fault: a file may well hold one.
        """
        height, width = image.shape[:2]
        samples = image[:: max(1, height // _SIDE), :: max(1, width // _SIDE)].copy()
        same = self._last is not None and np.array_equal(samples, self._last)
        if not same or self._last is None or time_s < self._same_s:
            self._same_s, self._last = time_s, samples
            black = not samples.any()
            self._black_s = time_s if black and self._black_s is None else self._black_s
            if not black:
                self._black_s = None
        fault = ""
        if self._black_s is not None and time_s - self._black_s >= BLACK_S:
            fault = f"its pictures are all black, for {BLACK_S:g} s now"
        elif live and self._black_s is None and time_s - self._same_s >= FROZEN_S:
            fault = f"frozen: the same picture for {FROZEN_S:g} s now"
        if fault and not self._told:
            log.warning("%s: %s", self._name, fault)
        elif self._told and not fault:
            log.warning("%s: its pictures change again", self._name)
        self._told = fault

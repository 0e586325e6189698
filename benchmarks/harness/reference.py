"""REF: what times are given as a ratio to."""

from __future__ import annotations

import statistics
import time

import numpy as np

from runtime.engines.catalogue import CENTERFACE
from runtime.engines.factory import open_network


class Reference:
    """One CenterFace pass at 320x256 on one thread; slows as the whole machine does."""

    def __init__(self) -> None:
        self._network = open_network(CENTERFACE)
        rng = np.random.default_rng(0)
        self._picture = rng.uniform(0, 255, (1, 3, 256, 320)).astype(np.float32)

    def ms(self, passes: int = 1) -> float:
        """Milliseconds of a pass, the median of several."""
        times = []
        for _ in range(passes):
            start = time.perf_counter()
            self._network.run(self._picture)
            times.append((time.perf_counter() - start) * 1e3)
        return statistics.median(times)

    def close(self) -> None:
        """Frees the network."""
        self._network.close()

"""The built-in demo as a source."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class DemoSource:
    """The built-in demo, as a file."""

    name = "demo"
    live = False

    def __init__(self) -> None:
        from runtime.sources.demo_scene import FPS, demo_scenes

        self.fps = FPS
        self._scenes = demo_scenes()
        self._index = 0

    def read(self) -> tuple[NDArray[np.uint8], float, str] | None:
        """See `Source.read`."""
        index = self._index
        self._index += 1
        for scene in self._scenes:
            if index < scene.frames:
                return scene.render(index), (self._index - 1) / self.fps, ""
            index -= scene.frames
        return None

    def close(self) -> None:
        """Holds nothing."""

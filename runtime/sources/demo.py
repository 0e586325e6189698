"""The built-in demo as a source."""

from __future__ import annotations

from runtime.messages import Frame
from runtime.vision.picture import Picture


class DemoSource:
    """The built-in demo, as a file."""

    name = "demo"
    live = False

    def __init__(self) -> None:
        from runtime.sources.demo_scene import FPS, demo_scenes

        self.fps = FPS
        self._scenes = demo_scenes()
        self._index = 0

    def read(self) -> Frame | None:
        """See `Source.read`."""
        index = self._index
        self._index += 1
        for scene in self._scenes:
            if index < scene.frames:
                return Frame(Picture(scene.render(index)), (self._index - 1) / self.fps)
            index -= scene.frames
        return None

    def interrupt(self) -> None:
        """Never waits."""

    def close(self) -> None:
        """Holds nothing."""

"""Our own runtime, through its public API, in a process of its own like the others.

Arguments: the folder, the engine, and `detect_interval_s` or `default`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from serve import Adapter, serve

import runtime
from runtime import EmotionRecognizer, Pipeline, open_engine
from runtime.messages import Frame
from runtime.vision.picture import Picture


class _Source:
    """The frames as a file would give them."""

    name, live, fps = "frames", False, 30.0

    def __init__(self, read: Callable[[int], Any], count: int) -> None:
        self._read, self._count, self._index = read, count, 0

    def read(self) -> Frame | None:
        """See `runtime.sources.base.Source`."""
        if self._index >= self._count:
            return None
        self._index += 1
        return Frame(Picture(self._read(self._index - 1)), (self._index - 1) / self.fps)

    def interrupt(self) -> None:
        """Never waits."""

    def close(self) -> None:
        """Holds nothing."""


class Ours(Adapter):
    """The pipeline for frames, `EmotionRecognizer` for single faces."""

    backend = "ONNX Runtime, 1 thread a network"

    def __init__(self) -> None:
        self._engine = open_engine(sys.argv[2])
        self._recognizer = EmotionRecognizer(self._engine, face_crops=True)
        self._options: dict[str, Any] = {}
        if sys.argv[3] != "default":
            self._options["detect_interval_s"] = float(sys.argv[3])
        self.labels = self._engine.manifest.labels
        self.versions = {"emotion-edge": runtime.__version__}

    def run(self, read: Callable[[int], Any], count: int) -> Iterator[tuple[float, list[str]]]:
        """See `serve.Adapter`."""
        with Pipeline([_Source(read, count)], self._engine, **self._options) as pipeline:
            before = time.perf_counter()
            for result in pipeline:
                # Stages overlap: what counts is the time from result to result.
                now = time.perf_counter()
                yield now - before, [face.emotion for face in result.faces]
                before = now

    def face(self, image: Any) -> str | None:
        """See `serve.Adapter`."""
        return self._recognizer.predict(image).faces[0].emotion


if __name__ == "__main__":
    serve(Ours)

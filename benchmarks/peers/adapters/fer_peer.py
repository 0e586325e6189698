"""`fer` from PyPI, with its defaults."""

from __future__ import annotations

from typing import Any

from fer.fer import FER
from serve import Adapter, best, serve, versions


class Fer(Adapter):
    """FER(): Haar cascade and a TensorFlow Lite model."""

    labels = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
    backend = "TensorFlow Lite, XNNPACK"

    def __init__(self) -> None:
        self._model = FER()
        self.versions = versions("fer", "tensorflow", "opencv-contrib-python")

    def frame(self, image: Any) -> list[str]:
        """See `serve.Adapter`."""
        return [best(face["emotions"]) for face in self._model.detect_emotions(image)]

    def face(self, image: Any) -> str | None:
        """See `serve.Adapter`."""
        height, width = image.shape[:2]
        found = self._model.detect_emotions(image, [(0, 0, width, height)])
        return best(found[0]["emotions"]) if found else None


if __name__ == "__main__":
    serve(Fer)

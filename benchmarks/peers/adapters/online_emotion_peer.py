"""`online-emotion-detection` from PyPI, with its default runtime on the CPU."""

from __future__ import annotations

from typing import Any

import numpy as np
from online_emotion import EmotionRecognizer
from serve import Adapter, serve, versions


class OnlineEmotion(Adapter):
    """Reads single faces; it brings no detector."""

    backend = "PyTorch"

    def __init__(self) -> None:
        self._model = EmotionRecognizer("hsemotion", device="cpu")
        self.labels = tuple(self._model(np.zeros((48, 48, 3), np.uint8)).classes)
        self.versions = versions("online-emotion-detection", "hsemotion", "torch")

    def face(self, image: Any) -> str | None:
        """See `serve.Adapter`."""
        return str(self._model(image).emotions[0].label)


if __name__ == "__main__":
    serve(OnlineEmotion)

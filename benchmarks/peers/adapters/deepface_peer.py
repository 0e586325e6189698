"""`deepface` from PyPI, with its default detector."""

from __future__ import annotations

from typing import Any

import numpy as np
from deepface import DeepFace
from deepface.modules.exceptions import FaceNotDetected
from serve import Adapter, serve, versions


class Deepface(Adapter):
    """DeepFace.analyze for the emotion alone."""

    labels = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
    backend = "TensorFlow"

    def __init__(self) -> None:
        self.versions = versions("deepface", "tensorflow")
        # Loads, and where need be downloads, its model now.
        self.face(np.zeros((48, 48, 3), np.uint8))

    def frame(self, image: Any) -> list[str]:
        """See `serve.Adapter`."""
        try:
            found = DeepFace.analyze(image, actions=["emotion"], silent=True)
        except FaceNotDetected:
            return []
        return [face["dominant_emotion"] for face in found]

    def face(self, image: Any) -> str | None:
        """See `serve.Adapter`."""
        found = DeepFace.analyze(image, actions=["emotion"], detector_backend="skip", silent=True)
        return str(found[0]["dominant_emotion"])


if __name__ == "__main__":
    serve(Deepface)

"""`emotiefflib` from PyPI (formerly HSEmotion), with its default model in ONNX Runtime."""

from __future__ import annotations

from typing import Any

from emotiefflib.facial_analysis import EmotiEffLibRecognizer
from serve import Adapter, serve, versions


class Emotiefflib(Adapter):
    """Reads single faces; it brings no detector."""

    backend = "ONNX Runtime"

    def __init__(self) -> None:
        self._model = EmotiEffLibRecognizer(engine="onnx", model_name="enet_b0_8_best_vgaf")
        self.labels = tuple(self._model.idx_to_emotion_class.values())
        self.versions = versions("emotiefflib", "onnxruntime")

    def prepare(self, image: Any) -> Any:
        """See `serve.Adapter`."""
        return image[:, :, ::-1].copy()

    def face(self, image: Any) -> str | None:
        """See `serve.Adapter`."""
        return str(self._model.predict_emotions(image, logits=True)[0][0])


if __name__ == "__main__":
    serve(Emotiefflib)

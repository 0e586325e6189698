"""Faces -> calibrated probabilities."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from runtime.engines.base import Engine
from runtime.manifest import LOGITS
from runtime.vision.preprocess import face_to_input


class Classifier:
    """Feeds an engine with faces, as its manifest asks, in bounded batches."""

    def __init__(self, engine: Engine, max_batch: int = 16) -> None:
        """Wraps an engine.

        Args:
            engine: Stays the caller's, who closes it.
            max_batch: Most faces in one run.
        """
        self._engine = engine
        self._max_batch = max_batch
        self.labels = engine.manifest.labels
        self.spec = engine.manifest.preprocess

    def classify(self, faces: Sequence[NDArray[np.uint8]]) -> NDArray[np.float64]:
        """Probabilities of faces.

        Args:
            faces: N crops, (H, W, 3) BGR or (H, W) grey uint8.

        Returns:
            (N, C) float64; rows add up to one.
        """
        batches = [
            self._engine.infer(self._stack(faces[i : i + self._max_batch]))[LOGITS]
            for i in range(0, len(faces), self._max_batch)
        ]
        if not batches:
            return np.zeros((0, len(self.labels)))
        return softmax(np.concatenate(batches), self._engine.manifest.temperature)

    def _stack(self, faces: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        batch = np.empty((len(faces), *self._engine.manifest.input_shape), np.float32)
        for face, row in zip(faces, batch, strict=True):
            face_to_input(face, self.spec, out=row)
        return batch


def softmax(logits: NDArray[np.floating], temperature: float = 1.0) -> NDArray[np.float64]:
    """(N, C) logits -> (N, C) float64 probabilities, logits divided by the temperature."""
    scaled = np.asarray(logits, np.float64) / temperature
    scaled -= scaled.max(axis=1, keepdims=True)
    exponent = np.exp(scaled)
    result: NDArray[np.float64] = exponent / exponent.sum(axis=1, keepdims=True)
    return result

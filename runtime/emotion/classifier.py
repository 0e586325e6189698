"""Faces -> calibrated probabilities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from runtime.engines.base import Engine
from runtime.errors import EngineError
from runtime.manifest import EMBEDDING, LOGITS
from runtime.vision.preprocess import face_to_input


class Classifier:
    """Feeds an engine with faces, as its manifest asks, in bounded batches."""

    def __init__(self, engine: Engine, max_batch: int = 16, embeddings: bool = False) -> None:
        """Wraps an engine.

        Args:
            engine: Stays the caller's, who closes it.
            max_batch: Most faces in one run.
            embeddings: Whether `read` gives features too.

        Raises:
            EngineError: The engine has no features to give.
        """
        if embeddings and EMBEDDING not in engine.manifest.outputs:
            raise EngineError(
                f"--embeddings: {getattr(engine, 'name', 'the engine')} has no output "
                f"{EMBEDDING!r}; export the model again, or take --engine default"
            )
        self._outputs = (LOGITS, EMBEDDING) if embeddings else (LOGITS,)
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
        return self.read(faces)[0]

    def read(
        self, faces: Sequence[NDArray[np.uint8]]
    ) -> tuple[NDArray[np.float64], Sequence[NDArray[np.float32] | None]]:
        """Probabilities of faces, and their features where those were asked for.

        Args:
            faces: As `classify` takes them.

        Returns:
            (N, C) float64, rows add up to one; and of each face (D,) float32, or None.
        """
        batches = [
            self._infer(self._stack(faces[i : i + self._max_batch]))
            for i in range(0, len(faces), self._max_batch)
        ]
        if not batches:
            return np.zeros((0, len(self.labels))), []
        logits = np.concatenate([batch[LOGITS] for batch in batches])
        rows = softmax(logits, self._engine.manifest.temperature)
        if EMBEDDING not in self._outputs:
            return rows, [None] * len(rows)
        return rows, [row for batch in batches for row in batch[EMBEDDING]]

    def _infer(self, batch: NDArray[np.float32]) -> Mapping[str, NDArray[np.float32]]:
        # An engine of the caller's own may know of logits alone.
        return self._engine.infer(batch, *([self._outputs] if len(self._outputs) > 1 else []))

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

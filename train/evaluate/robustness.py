"""Accuracy under every corruption."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime.engines.base import Engine
from train.data.corruptions import CORRUPTIONS, STRENGTHS, corrupt_faces
from train.datasets.faces import FaceSet
from train.evaluate.figures import plain_accuracy
from train.inference import face_logits


@dataclass(frozen=True, eq=False)
class Robustness:
    """Accuracy under corruptions, all on the same faces.

    Attributes:
        n: Number of those faces.
        clean: Accuracy on them as they are.
        accuracy: For each corruption, accuracy at strengths 1 to 5.
        by_face: (N,) float64, the part of a face's spoiled versions named right.
    """

    n: int
    clean: float
    accuracy: dict[str, list[float]]
    by_face: NDArray[np.float64]

    def rows(self) -> list[dict[str, Any]]:
        """Gives one row a corruption: five accuracies, their mean, and the mean over clean."""
        return [
            {
                "corruption": name,
                **{f"strength_{s}": round(v, 4) for s, v in zip(STRENGTHS, row, strict=True)},
                "mean": round(float(np.mean(row)), 4),
                "of_clean": round(float(np.mean(row)) / self.clean, 4) if self.clean else None,
            }
            for name, row in self.accuracy.items()
        ]

    def figures(self) -> dict[str, Any]:
        """Gives plain numbers, for JSON."""
        table = np.array(list(self.accuracy.values()))
        mean = float(table.mean())
        return {
            "n": self.n,
            "clean": round(self.clean, 4),
            "mean": round(mean, 4),
            "of_clean": round(mean / self.clean, 4) if self.clean else None,
            # Points of accuracy that each strength costs, over all corruptions.
            "loss": [round(float(v), 4) for v in self.clean - table.mean(0)],
            "rows": self.rows(),
        }


def measure_robustness(
    engine: Engine, faces: FaceSet, places: NDArray[np.int64], seed: int
) -> Robustness:
    """Measures the accuracy of a model on spoiled faces.

    Args:
        engine: The model.
        faces: N faces in the model's labels, all with a majority.
        places: (N,) each face's place in its split, which its draws follow from.
        seed: Seed of the draws.
    """
    clean = plain_accuracy(face_logits(engine, faces, "clean"), faces.majority)
    assert clean is not None
    result = Robustness(len(faces), clean, {}, np.zeros(len(faces)))
    for name in CORRUPTIONS:
        start = time.monotonic()
        row = []
        for strength in STRENGTHS:
            spoiled = corrupt_faces(faces, name, strength, seed, places)
            logits = face_logits(engine, spoiled, f"{name} {strength}")
            row.append(plain_accuracy(logits, faces.majority) or 0.0)
            right = logits.argmax(1) == faces.majority
            result.by_face[:] += right / (len(CORRUPTIONS) * len(STRENGTHS))
        result.accuracy[name] = row
        shown = " ".join(f"{value:.1%}" for value in row)
        print(f"{name}: {shown} (clean {clean:.1%}, {time.monotonic() - start:.0f} s)", flush=True)
    return result

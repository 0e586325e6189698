"""Which faces are evaluated, and what a reader of the figures must know of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from runtime.errors import UserError
from runtime.manifest import Manifest
from train.datasets.faces import FaceSet
from train.evaluate.options import EvaluateOptions


def select(
    every: FaceSet, labels: tuple[str, ...], limit: int
) -> tuple[FaceSet, NDArray[np.int64]]:
    """Gives the faces to evaluate, in the model's labels, and their places in the split."""
    voted = every.relabel(labels)
    # What is left of the votes on a face of a class that the model lacks is no truth.
    lost = (every.majority >= 0) & (voted.majority < 0)
    keep = (voted.votes.sum(1) > 0) & ~lost
    faces, places = spread(voted.subset(keep), np.flatnonzero(keep), limit)
    if not (faces.majority >= 0).any():
        raise UserError(f"{faces.name}: no face has a majority label to count accuracy on")
    return faces, places


def spread(
    faces: FaceSet, places: NDArray[np.int64], limit: int
) -> tuple[FaceSet, NDArray[np.int64]]:
    """Does as `FaceSet.spread`, and gives the places of the faces that stay."""
    kept = replace(faces, images=range(len(faces))).spread(limit)  # type: ignore[arg-type]
    chosen = np.array(list(kept.images), np.int64)
    keep = np.zeros(len(faces), bool)
    keep[chosen] = True
    return faces.subset(keep), places[chosen]


def first_notes(
    options: EvaluateOptions, manifest: Manifest, every: FaceSet, faces: FaceSet
) -> list[str]:
    """Says what a reader of the figures must know."""
    majority = int((faces.majority >= 0).sum())
    rule = (
        "FER+'s official majority rule (votes of 1 or less count as noise; the largest must be "
        "more than half of the rest, and an emotion)"
        if options.dataset.startswith("ferplus")
        else "the faces with one label"
    )
    notes = [f"{faces.name}: {len(faces)} faces; accuracy on n = {majority}, by {rule}"]
    if len(faces) == options.limit:
        notes.append(f"--limit {options.limit}: a part of the split, evenly spread")
    lost = [name for name in every.labels if name not in manifest.labels]
    if lost:
        missing = every.relabel(manifest.labels)
        out = int(((every.majority >= 0) & (missing.majority < 0)).sum())
        notes.append(
            f"the model can't say {', '.join(lost)}: {out} of the split's {len(every)} faces have "
            "such a label and are left out, so the accuracy is not comparable with that of a "
            "model that can"
        )
    spare = [name for name in manifest.labels if name not in every.labels]
    if spare:
        notes.append(
            f"the data set has no {', '.join(spare)}, which the model can say; "
            "such a guess counts as wrong"
        )
    if manifest.metrics.get("valid", {}).get("data") == faces.name:
        notes.append(
            f"training chose its best epoch on {faces.name}: the accuracy is a little too high"
        )
    calibration = manifest.metrics.get("calibration", {}).get("data")
    if manifest.temperature == 1.0 and calibration is None:
        notes.append(
            "the model's temperature was never fitted, so there is no 'after'; "
            "python -m calibration.temperature fits one"
        )
    elif calibration == faces.name:
        notes.append(
            f"the temperature {manifest.temperature:g} was fitted on {faces.name} itself: "
            "'after' is a little too good"
        )
    return notes

"""Uncertainty about what is no face, measured on background crops beside the faces."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from runtime.detectors.base import Detector
from runtime.detectors.factory import open_detector
from runtime.detectors.found_faces import find_faces
from runtime.emotion.certainty import CERTAIN
from runtime.emotion.classifier import softmax
from runtime.engines.base import Engine
from runtime.errors import UserError
from runtime.manifest import Preprocess
from runtime.sources.factory import open_source
from runtime.vision.boxes import Box
from runtime.vision.preprocess import crop_face
from train.datasets.faces import FaceSet
from train.evaluate.figures import Logits
from train.inference import face_logits

#: Background crops cut from one frame, and frames of one source, at the most.
CROPS, FRAMES = 8, 200

#: Detector's score from which a crop might show a face, far below the runtime's.
_MAYBE = 0.1

#: Smallest crop's side in pixels: the smallest face that the runtime promises to read.
_SMALLEST = 24


@dataclass(frozen=True)
class BackgroundFigures:
    """How a model meets what is no face.

    Attributes:
        n: Number of background crops.
        auroc: Area under the ROC curve of low confidence, which shall tell
            the crops from faces.
        uncertain: Part of the crops that the runtime calls uncertain.
        uncertain_faces: The same of the faces that have a majority.
    """

    n: int
    auroc: float
    uncertain: float
    uncertain_faces: float

    def figures(self) -> dict[str, Any]:
        """Gives plain numbers, for JSON."""
        return {"n": self.n, **{k: round(v, 4) for k, v in vars(self).items() if k != "n"}}


def cut_background_crops(
    sources: Sequence[str], spec: Preprocess, seed: int
) -> list[NDArray[np.uint8]]:
    """Cuts squares from pictures, at places without a face, as a face is cropped.

    Args:
        sources: Pictures, folders and videos, as `--source` takes them.
        spec: How the model's faces are cropped.
        seed: Seed of where crops are cut.

    Raises:
        UserError: A source can't be read, or none has room beside its faces.
    """
    with closing(open_detector("centerface", None, 320, _MAYBE, 1)) as detector:
        crops = [c for source in sources for c in _crops(source, detector, spec, seed)]
    if not crops:
        raise UserError(f"--backgrounds {' '.join(sources)}: no place without a face in them")
    return crops


def measure_backgrounds(
    engine: Engine, crops: Sequence[NDArray[np.uint8]], logits: Logits, faces: FaceSet
) -> BackgroundFigures:
    """Compares confidence on background crops with that on faces.

    Args:
        engine: The model.
        crops: What `cut_background_crops` gave.
        logits: (N, C) the model's on the faces.
        faces: N faces; those without a majority are left out.
    """
    labels = engine.manifest.labels
    nothing = np.zeros((len(crops), len(labels)), np.float32)
    found = FaceSet("backgrounds", labels, crops, nothing, np.full(len(crops), -1))
    sure, sure_faces = (
        softmax(rows, engine.manifest.temperature).max(1)
        for rows in (face_logits(engine, found), logits[faces.majority >= 0])
    )
    truth = np.repeat([1, 0], [len(sure), len(sure_faces)])
    return BackgroundFigures(
        len(crops),
        float(roc_auc_score(truth, -np.concatenate([sure, sure_faces]))),
        float((sure < CERTAIN).mean()),
        float((sure_faces < CERTAIN).mean()),
    )


def _crops(
    source: str, detector: Detector, spec: Preprocess, seed: int
) -> Iterator[NDArray[np.uint8]]:
    """Yields the background crops of one source's frames."""
    rng = np.random.default_rng(seed)
    with closing(open_source(source, reconnect_s=0.0)) as reader:
        for _ in range(FRAMES):
            frame = reader.read()
            if frame is None:
                return
            image = frame.picture.bgr()
            taken = [face.box for face in find_faces(detector, frame.picture)]
            for box in _places(image.shape[:2], taken, rng):
                yield crop_face(image, box, spec).copy()


def _places(
    shape: tuple[int, ...], taken: Sequence[Box], rng: np.random.Generator
) -> Iterator[Box]:
    """Draws squares inside a picture that touch no box; sides spread evenly by their logarithm.

    Args:
        shape: Height and width in pixels.
        taken: Boxes to keep away from.
        rng: Source of every draw.

    Yields:
        At most `CROPS` boxes, fewer where there is little room.
    """
    height, width = shape
    largest = min(height, width) / 2
    if largest < _SMALLEST:
        return
    for _ in range(CROPS):
        side = math.exp(rng.uniform(math.log(_SMALLEST), math.log(largest)))
        x, y = rng.uniform(0, width - side), rng.uniform(0, height - side)
        if all(x + side <= x1 or y + side <= y1 or x2 <= x or y2 <= y for x1, y1, x2, y2 in taken):
            yield x, y, x + side, y + side

"""Does the model doubt what is no face? Pieces of pictures beside the faces tell."""

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
from train.datasets import FaceSet
from train.evaluate.figures import Logits
from train.evaluate.robustness import all_logits

#: Pieces cut from one frame, and frames of one source, at the most.
PIECES, FRAMES = 8, 200

#: Detector's score from which a piece might be a face, far below the runtime's.
_MAYBE = 0.1

#: Smallest piece in pixels: the smallest face that the runtime promises to read.
_SMALLEST = 24


@dataclass(frozen=True)
class Outliers:
    """How a model meets what is no face.

    Attributes:
        n: Number of pieces.
        auroc: Area under the ROC curve of low confidence, which shall tell
            pieces from faces.
        uncertain: Part of the pieces that the runtime calls uncertain.
        uncertain_faces: The same of the faces that have a majority.
    """

    n: int
    auroc: float
    uncertain: float
    uncertain_faces: float

    def figures(self) -> dict[str, Any]:
        """Plain numbers, for JSON."""
        return {"n": self.n, **{k: round(v, 4) for k, v in vars(self).items() if k != "n"}}


def cut_pieces(sources: Sequence[str], spec: Preprocess, seed: int) -> list[NDArray[np.uint8]]:
    """Square pieces of pictures, of places without a face, cropped as a face is.

    Args:
        sources: Pictures, folders and videos, as `--source` takes them.
        spec: How the model's faces are cropped.
        seed: Seed of where pieces are cut.

    Raises:
        UserError: A source can't be read, or none has room beside its faces.
    """
    with closing(open_detector("centerface", None, 320, _MAYBE, 1)) as detector:
        pieces = [p for source in sources for p in _pieces(source, detector, spec, seed)]
    if not pieces:
        raise UserError(f"--backgrounds {' '.join(sources)}: no place without a face in them")
    return pieces


def measure_outliers(
    engine: Engine, pieces: Sequence[NDArray[np.uint8]], logits: Logits, faces: FaceSet
) -> Outliers:
    """Compares confidence on pieces of background with that on faces.

    Args:
        engine: The model.
        pieces: What `cut_pieces` gave.
        logits: (N, C) the model's on the faces.
        faces: N faces; those without a majority are left out.
    """
    labels = engine.manifest.labels
    nothing = np.zeros((len(pieces), len(labels)), np.float32)
    found = FaceSet("backgrounds", labels, pieces, nothing, np.full(len(pieces), -1))
    sure, sure_faces = (
        softmax(rows, engine.manifest.temperature).max(1)
        for rows in (all_logits(engine, found, found.name), logits[faces.majority >= 0])
    )
    truth = np.repeat([1, 0], [len(sure), len(sure_faces)])
    return Outliers(
        len(pieces),
        float(roc_auc_score(truth, -np.concatenate([sure, sure_faces]))),
        float((sure < CERTAIN).mean()),
        float((sure_faces < CERTAIN).mean()),
    )


def _pieces(
    source: str, detector: Detector, spec: Preprocess, seed: int
) -> Iterator[NDArray[np.uint8]]:
    """The pieces of one source's frames."""
    rng = np.random.default_rng(seed)
    with closing(open_source(source, 0.0)) as reader:
        for _ in range(FRAMES):
            read = reader.read()
            if read is None:
                return
            image = read[0]
            taken = [face.box for face in find_faces(detector, image)]
            for box in _places(image.shape[:2], taken, rng):
                yield crop_face(image, box, spec).copy()


def _places(
    shape: tuple[int, ...], taken: Sequence[Box], rng: np.random.Generator
) -> Iterator[Box]:
    """Squares inside a picture that touch no box; sides spread evenly by their logarithm.

    Args:
        shape: Height and width in pixels.
        taken: Boxes to keep away from.
        rng: Source of every draw.

    Yields:
        At most `PIECES` boxes, fewer where there is little room.
    """
    height, width = shape
    largest = min(height, width) / 2
    if largest < _SMALLEST:
        return
    for _ in range(PIECES):
        side = math.exp(rng.uniform(math.log(_SMALLEST), math.log(largest)))
        x, y = rng.uniform(0, width - side), rng.uniform(0, height - side)
        if all(x + side <= x1 or y + side <= y1 or x2 <= x or y2 <= y for x1, y1, x2, y2 in taken):
            yield x, y, x + side, y + side

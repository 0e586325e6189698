"""The faces of single pictures, and what they show."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime.detectors.base import Detector
from runtime.detectors.found_faces import MAX_FACES, best, find_faces
from runtime.emotion.classifier import Classifier
from runtime.emotion.smoothing import Label
from runtime.messages import Face, FrameResult
from runtime.vision.boxes import Box, within_picture
from runtime.vision.picture import Picture
from runtime.vision.preprocess import cut_face
from runtime.vision.zones import Outline, Zones, zone_of

log = logging.getLogger(__name__)

Image = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class FaceRules:
    """Which faces of a picture are read, and when a label is trusted.

    Attributes:
        min_confidence: Below this probability a label is uncertain.
        min_face: Least length of a box's shorter side, in pixels.
        zones: Where faces count.
    """

    min_confidence: float
    min_face: float = 0.0
    zones: Zones = field(default_factory=Zones)


def recognize_pictures(
    images: Sequence[Image],
    detector: Detector | None,
    classifier: Classifier,
    rules: FaceRules,
    names: Sequence[str],
    boxes: Sequence[Box] | None = None,
) -> list[FrameResult]:
    """Emotions of the faces in pictures, all of whose faces are classified together.

    Args:
        images: Each (H, W, 3) uint8 BGR.
        detector: Finds the faces; None takes each picture for a face.
        classifier: Reads them.
        rules: Which of them, and how.
        names: A file name each, for the results; empty for none.
        boxes: The faces of each picture, where the caller knows them: all of them are read.

    Returns:
        A result a picture.

    Raises:
        UserError: A zone lies outside of a picture.
    """
    start = time.perf_counter()
    crops: list[Image] = []
    found: list[list[tuple[Face, str]]] = []
    zones = [rules.zones.outlines(image.shape[1], image.shape[0]) for image in images]
    for image, name, outlines in zip(images, names, zones, strict=True):
        if boxes is not None:
            faces = [(Face(box, 1.0), zone_of(outlines, box) or "") for box in boxes]
        elif detector is None:
            height, width = image.shape[:2]
            faces = [(Face((0.0, 0.0, float(width), float(height)), 1.0), "")]
        else:
            faces = _detect(image, detector, rules, outlines, name)
        found.append(faces)
        crops += [
            image
            if detector is None and boxes is None
            else cut_face(image, face.box, classifier.spec, face.landmarks)
            for face, _ in faces
        ]
    read = iter(zip(*classifier.read(crops), strict=True))
    emotions = [
        tuple(
            _label(row, rules.min_confidence).describe(face, classifier.labels, 0, zone, embedding)
            for (face, zone), (row, embedding) in zip(faces, read, strict=False)
        )
        for faces in found
    ]
    latency = (time.perf_counter() - start) * 1e3
    return [
        FrameResult(None, 0, 0.0, image, shown, latency, name, zones=outlines)
        for image, shown, name, outlines in zip(images, emotions, names, zones, strict=True)
    ]


def check_boxes(boxes: Iterable[Any], image: Image) -> list[Box]:
    """A caller's boxes of the faces in a picture.

    Args:
        boxes: Each (x1, y1, x2, y2) in pixels, or an (N, 4) array of them.
        image: The picture.

    Raises:
        TypeError: They are no boxes.
        ValueError: One is not finite, has no area, or less than a pixel of it lies in the picture.
    """
    height, width = image.shape[:2]
    checked: list[Box] = []
    for number, box in enumerate(boxes):
        try:
            x1, y1, x2, y2 = (float(v) for v in box)
        except (TypeError, ValueError) as error:
            raise TypeError(
                f"boxes[{number}] must be four numbers (x1, y1, x2, y2), not {box!r}"
            ) from error
        if not all(map(math.isfinite, (x1, y1, x2, y2))) or x2 <= x1 or y2 <= y1:
            raise ValueError(
                f"boxes[{number}] must have its upper left corner before its lower right one "
                f"(x1, y1, x2, y2), not {(x1, y1, x2, y2)}"
            )
        if within_picture((x1, y1, x2, y2), width, height) is None:
            raise ValueError(
                f"boxes[{number}] lies outside of the picture of {width}x{height}, or less than a "
                f"pixel of it inside: {(x1, y1, x2, y2)}"
            )
        checked.append((x1, y1, x2, y2))
    return checked


def _detect(
    image: Image,
    detector: Detector,
    rules: FaceRules,
    outlines: Sequence[Outline],
    name: str,
) -> list[tuple[Face, str]]:
    """The faces that count, each with its zone."""
    zones = {
        id(face): (face, zone)
        for face in find_faces(detector, Picture(image))
        if (zone := zone_of(outlines, face.box, rules.min_face)) is not None
    }
    faces = [face for face, _ in zones.values()]
    if len(faces) > MAX_FACES:
        log.warning("%s: %d faces; the best %d are read", name, len(faces), MAX_FACES)
    return [zones[id(face)] for face in best(faces, MAX_FACES)]


def _label(row: NDArray[np.float64], min_confidence: float) -> Label:
    """The label of a picture's face, which has no past."""
    top = int(row.argmax())
    confidence = float(row[top])
    return Label(top, confidence, confidence < min_confidence, row)

"""What is taken from a detector, whichever it is: sound boxes, and not too many."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from runtime.detectors.base import Detector
from runtime.messages import Face
from runtime.vision.boxes import Box
from runtime.vision.picture import Picture

#: Most faces of a frame that are tracked and read, best first.
MAX_FACES = 100

#: Most places of a frame that may be faces, best first; they are covered, not read.
MAX_REGIONS = 500

#: How far a box may reach outside the picture, in its longer sides.
_REACH = 2.0


def find_faces(
    detector: Detector,
    picture: Picture,
    regions: Sequence[Box] | None = None,
    scale: float = 1.0,
) -> list[Face]:
    """The faces that a detector finds, without what no picture can hold.

    Boxes that are empty, not finite or far outside the picture are dropped, and landmarks
    alike: a detector can be made to give them by a crafted picture, and a caller's own may
    give anything.

    Args:
        detector: Any detector.
        picture: The picture.
        regions: As `Detector.detect` takes them.
        scale: As `Detector.detect` takes it.

    Returns:
        At most `MAX_REGIONS` faces, in the detector's order.
    """
    height, width = picture.height, picture.width
    reach = _REACH * max(height, width)
    faces = []
    for face in detector.detect(picture, regions, scale):
        x1, y1, x2, y2 = face.box
        if (
            -reach <= x1 < x2 <= width + reach
            and -reach <= y1 < y2 <= height + reach
            and math.isfinite(face.score)
        ):
            faces.append(_with_sound_landmarks(face, reach))
    return best(faces, MAX_REGIONS)


def best(faces: list[Face], limit: int) -> list[Face]:
    """The faces of the highest scores, best first where there are more than the limit."""
    if len(faces) <= limit:
        return faces
    return sorted(faces, key=lambda face: -face.score)[:limit]


def _with_sound_landmarks(face: Face, reach: float) -> Face:
    marks = face.landmarks
    if marks is None or (marks.shape == (5, 2) and bool((np.abs(marks) <= 2 * reach).all())):
        return face
    return replace(face, landmarks=None)

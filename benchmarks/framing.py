"""`python -m benchmarks.framing`: does the device's crop frame faces as training does?

Sets data-set faces, enlarged, into 640x480 pictures, runs the detector, and
compares its boxes with the crops. Then compares accuracy on the crops
themselves (as `predict --face_crops`) with accuracy through detection (as
plain `predict`) on the faces that were detected.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.harness.hits import fingerprint, pack
from benchmarks.harness.options import CompareOptions
from benchmarks.harness.provenance import artifact
from benchmarks.harness.schema.framing import FramingReport, FramingSamples
from benchmarks.regression.session import begin, finish, header
from runtime.detectors.factory import open_detector
from runtime.errors import UserError
from runtime.options.shared import detect_size_option
from runtime.support.cli import option, parse_options, run_command
from runtime.vision.picture import Picture
from train.datasets.catalogue import DATASETS

if TYPE_CHECKING:
    from runtime.engines.base import Engine
    from runtime.messages import Face
    from train.datasets.faces import FaceSet

PROG = "python -m benchmarks.framing"

WIDTH, HEIGHT = 640, 480

#: Least overlap of a detection with the face that it is counted for.
_MIN_IOU = 0.3


@dataclass(kw_only=True)
class FramingOptions(CompareOptions):
    """Measure how the detector's boxes frame the training faces, and what that costs."""

    data_dir: str = option("folder of the data set")
    dataset: str = option("its layout", "ferplus", choices=DATASETS)
    split: str = option("split to use", "valid", choices=("train", "valid", "test"))
    samples: int = option("faces to use, evenly spread; 0 uses all", 1000, between=(0, math.inf))
    face_size: int = option("side of the face in the picture, in pixels", 160, between=(16, HEIGHT))
    detect_size: int = detect_size_option(640)
    min_score: float = option("lowest detector score of a face", 0.4)
    engine: str | None = option("model for the accuracy figures; none measures boxes only", None)


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    options = parse_options(FramingOptions, PROG, argv)
    old = begin("framing", options, [options.engine] if options.engine else [])
    return finish(measure(options), options, old, show=True)


def place_face(face: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """A plain grey picture with the face in its middle.

    Args:
        face: (H, W) grey or (H, W, 3) BGR uint8.
        size: Side of the face in the picture, in pixels.

    Returns:
        (HEIGHT, WIDTH, 3) uint8 BGR.
    """
    if face.ndim == 2:
        face = np.asarray(cv2.cvtColor(face, cv2.COLOR_GRAY2BGR), np.uint8)
    large = cv2.resize(face, (size, size), interpolation=cv2.INTER_CUBIC)
    top, left = (HEIGHT - size) // 2, (WIDTH - size) // 2
    picture = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    picture[top : top + size, left : left + size] = large
    return picture


def best_match(faces: Sequence[Face], size: int) -> Face | None:
    """The detection that overlaps the placed face best, or None."""
    from runtime.vision.boxes import iou_matrix

    if not faces:
        return None
    x, y = (WIDTH - size) / 2, (HEIGHT - size) / 2
    truth = np.array([[x, y, x + size, y + size]])
    iou = iou_matrix(np.array([face.box for face in faces]), truth)[:, 0]
    best = int(iou.argmax())
    return faces[best] if iou[best] >= _MIN_IOU else None


def measure(options: FramingOptions) -> FramingReport:
    """Runs the comparison; see the module's text."""
    from runtime.engines.factory import open_engine
    from train.datasets.catalogue import load_faces

    first = header("framing", options)
    # Before the slow part.
    engine = open_engine(options.engine, threads=2) if options.engine else None
    faces = load_faces(Path(options.data_dir), options.dataset, options.split).with_majority()
    faces = faces.spread(options.samples)
    found = detect_placed_faces(faces, options.face_size, options.detect_size, options.min_score)
    seen = [face is not None for face in found]
    if not any(seen):
        raise UserError(f"{faces.name}: the detector found none of {len(faces)} faces")
    report = FramingReport(
        **first,
        faces=faces.name,
        n=len(faces),
        detected=round(float(np.mean(seen)), 4),
        **_geometry([f for f in found if f is not None], options.face_size),
        samples=FramingSamples(items=fingerprint(faces), detected=pack(seen)),
    )
    if engine is None or not options.engine:
        return report
    named = name_faces(engine, faces, found, options.face_size)
    engine.close()
    return replace(
        report,
        artifact=artifact(options.engine),
        **named.accuracies(),
        samples=replace(report.samples, end_to_end=pack(named.through)),
    )


def detect_placed_faces(
    faces: FaceSet, face_size: int = 160, detect_size: int = 640, min_score: float = 0.4
) -> list[Face | None]:
    """What the detector finds of each face, set into a picture; None where it misses it."""
    detector = open_detector(size=detect_size, threshold=min_score, threads=2, retry=True)
    found: list[Face | None] = []
    for index, image in enumerate(faces.images):
        picture = place_face(image, face_size)
        found.append(best_match(detector.detect(Picture(picture)), face_size))
        if index % 200 == 0:
            print(f"\r{index}/{len(faces)}", end="", file=sys.stderr, flush=True)
    print(f"\r{len(faces)}/{len(faces)}", file=sys.stderr)
    detector.close()
    return found


@dataclass(frozen=True, eq=False)
class NamedFaces:
    """Which faces were named right.

    Attributes:
        seen: (N,) bool, whether the detector found the face.
        direct: (N,) bool, right on the data set's own crop.
        through: (N,) bool, right on the crop of what the detector found.
    """

    seen: NDArray[np.bool_]
    direct: NDArray[np.bool_]
    through: NDArray[np.bool_]

    def accuracies(self) -> dict[str, Any]:
        """Accuracies; `end_to_end` counts a face that wasn't found as wrong."""
        seen = self.seen
        if not seen.any():
            return {"accuracy_face_crops": round(float(self.direct.mean()), 4), "end_to_end": 0.0}
        return {
            "accuracy_face_crops": round(float(self.direct.mean()), 4),
            "accuracy_face_crops_where_detected": round(float(self.direct[seen].mean()), 4),
            "accuracy_through_detection": round(float(self.through[seen].mean()), 4),
            "end_to_end": round(float(self.through.mean()), 4),
        }


def name_faces(
    engine: Engine, faces: FaceSet, found: Sequence[Face | None], face_size: int = 160
) -> NamedFaces:
    """Names faces on their crops, and through detection.

    Args:
        engine: The model.
        faces: N faces, all with a majority.
        found: What `detect_placed_faces` gave for them at the same size.
        face_size: Side of the face in the picture, in pixels.
    """
    from runtime.emotion.classifier import Classifier
    from runtime.vision.preprocess import crop_face

    classifier = Classifier(engine, 32)
    names = np.array([faces.labels[i] for i in faces.majority])
    labels = np.array(classifier.labels)
    direct = labels[classifier.classify(faces.images).argmax(1)] == names
    seen = np.array([face is not None for face in found])
    crops = [
        crop_face(place_face(image, face_size), face.box, classifier.spec, face.landmarks)
        for image, face in zip(faces.images, found, strict=True)
        if face is not None
    ]
    through = np.zeros(len(faces), bool)
    through[seen] = labels[classifier.classify(crops).argmax(1)] == names[seen]
    return NamedFaces(seen, direct, through)


def _geometry(found: Sequence[Face], size: int) -> dict[str, Any]:
    """Box against crop: longer side and centre, as shares of the crop's side."""
    boxes = np.array([face.box for face in found])
    longer = np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]) / size
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2 - np.array([WIDTH / 2, HEIGHT / 2])
    shift = -centre[:, 1] / size
    quartiles = np.percentile(longer, (25, 50, 75))
    return {
        "box_side_over_crop_side": tuple(round(float(v), 3) for v in quartiles),
        "margin": round(1 / float(quartiles[1]), 3),
        "shift_x": round(float(np.median(-centre[:, 0] / size)), 3),
        "shift_y": round(float(np.median(shift)), 3),
    }


if __name__ == "__main__":
    sys.exit(run_command(main, None))

"""A detector of your own: only faces in a zone of the picture are found.

    python examples/own_detector.py [SOURCE] [--zone X1 Y1 X2 Y2] [--max_frames N]

For a camera at a desk or a door: who passes behind is nobody's business. The zone is given in
shares of the picture's width and height. Any class with `detect` and `close` is a detector;
this one lets the shipped detector search, and tells it where.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from emotion_edge import (
    DetectorConfig,
    Face,
    Picture,
    Pipeline,
    PipelineConfig,
    SourceConfig,
    UserError,
)
from runtime.detectors.base import Detector
from runtime.detectors.factory import open_detector
from runtime.vision.boxes import Box


class ZoneDetector:
    """Finds the faces in a part of each picture."""

    def __init__(self, inner: Detector, zone: Box) -> None:
        """Does nothing yet.

        Args:
            inner: What searches; this detector's from now on.
            zone: (x1, y1, x2, y2) in shares of the picture's size.
        """
        self._inner, self._zone = inner, zone

    def detect(
        self, picture: Picture, regions: Sequence[Box] | None = None, scale: float = 1.0
    ) -> list[Face]:
        """See `Detector.detect`; what reaches out of the zone is left out."""
        width, height = picture.width, picture.height
        x1, y1, x2, y2 = self._zone
        zone = (x1 * width, y1 * height, x2 * width, y2 * height)
        # Regions come where the pipeline searches parts alone: only what is in both counts.
        parts = [zone] if regions is None else [_overlap(zone, region) for region in regions]
        parts = [part for part in parts if part[0] < part[2] and part[1] < part[3]]
        return self._inner.detect(picture, parts, scale)

    def close(self) -> None:
        """See `Detector.close`."""
        self._inner.close()


def _overlap(a: Box, b: Box) -> Box:
    return (max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3]))


def main() -> int:
    """Prints how many faces were in the zone, and what they showed."""
    parser = argparse.ArgumentParser(description="Emotions of the faces in a zone.")
    parser.add_argument("source", nargs="?", default="demo", help="what --source takes")
    parser.add_argument("--zone", nargs=4, type=float, default=(0.0, 0.0, 0.5, 1.0))
    parser.add_argument("--max_frames", type=int)
    options = parser.parse_args()

    detector = ZoneDetector(open_detector("centerface"), tuple(options.zone))
    config = PipelineConfig(
        (SourceConfig(options.source),),
        DetectorConfig(detector),  # in the place of a name
        max_frames=options.max_frames,
    )
    faces: set[int] = set()
    try:
        with Pipeline(config) as pipeline:
            for result in pipeline:
                for face in result.faces:
                    if face.track not in faces:
                        faces.add(face.track)
                        print(f"{result.time_s:.2f} s: face {face.track}, {face.emotion}")
    finally:
        detector.close()  # what you opened stays yours
    print(f"{len(faces)} faces in the zone")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)

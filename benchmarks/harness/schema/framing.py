"""The report of `benchmarks.framing`."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.harness.json_codec import absent
from benchmarks.harness.schema.common import ArtifactRecord, ComparableReport


@dataclass(frozen=True, kw_only=True)
class FramingSamples:
    """`1` and `0` for each face: found by the detector; named right through it."""

    items: str
    detected: str
    end_to_end: str | None = absent()


@dataclass(frozen=True, kw_only=True)
class FramingReport(ComparableReport):
    """How the detector's boxes frame the training faces.

    Attributes:
        faces: Name of the data set.
        n: Faces.
        detected: Share that was found.
        box_side_over_crop_side: Quartiles of the box's longer side over the crop's.
        margin: What the manifest's margin must be for the same crop.
        shift_x: The same of its shift, as a share of the side.
        shift_y: The same.
        artifact: The model, where accuracy was asked for; so with what follows.
        accuracy_face_crops: As in `accuracy.ThroughDetection`, as are the next.
        samples: For `--compare`.
    """

    faces: str
    n: int
    detected: float
    box_side_over_crop_side: tuple[float, float, float]
    margin: float
    shift_x: float
    shift_y: float
    artifact: ArtifactRecord | None = absent()
    accuracy_face_crops: float | None = absent()
    accuracy_face_crops_where_detected: float | None = absent()
    accuracy_through_detection: float | None = absent()
    end_to_end: float | None = absent()
    samples: FramingSamples

"""The report of `benchmarks.anonymity`."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.harness.schema.common import ArtifactRecord, ComparableReport


@dataclass(frozen=True, kw_only=True)
class CoverSamples:
    """One value a frame: share of the faces' area shown, and of the rest that is covered."""

    face_area_shown: list[float]
    other_area_covered: list[float]


@dataclass(frozen=True, kw_only=True)
class AnonymityRow:
    """One video, live or as a file.

    Attributes:
        video: Its name.
        mode: `live` or `file`.
        frames: Frames in it.
        faces: Faces in all of them.
        face_area_shown: Share of the faces' pixels that no cover reaches.
        faces_shown: Faces of which more than a tenth is shown.
        frames_with_a_face_shown: Frames with such a face.
        other_area_covered: Share of the other pixels that is covered.
        samples: For `--compare`.
    """

    video: str
    mode: str
    frames: int
    faces: int
    face_area_shown: float
    faces_shown: int
    frames_with_a_face_shown: int
    other_area_covered: float
    samples: CoverSamples


@dataclass(frozen=True, kw_only=True)
class AnonymityReport(ComparableReport):
    """What `--anonymize` leaves uncovered, and what else it covers."""

    artifact: ArtifactRecord
    rows: list[AnonymityRow]

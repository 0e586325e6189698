"""The report of `benchmarks.accuracy`."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.harness.json_codec import absent
from benchmarks.harness.schema.common import ArtifactRecord, ComparableReport, Hits


@dataclass(frozen=True, kw_only=True)
class CorruptionSamples:
    """Share of a face's corrupted versions that was named right, face by face."""

    items: str
    by_face: list[float]


@dataclass(frozen=True, kw_only=True)
class Corrupted:
    """Accuracy under corruptions.

    Attributes:
        n: Faces.
        clean: Accuracy on them as they are.
        mean: Accuracy over all corruptions and strengths.
        samples: For `--compare`.
    """

    n: int
    clean: float
    mean: float
    samples: CorruptionSamples


@dataclass(frozen=True, kw_only=True)
class ThroughDetection:
    """Accuracy end to end, on faces set into pictures.

    Attributes:
        n: Faces.
        detected: Share that the detector found.
        accuracy_face_crops: On the data set's own crops.
        accuracy_face_crops_where_detected: The same, on the faces that were found.
        accuracy_through_detection: On the crops of what the detector found.
        end_to_end: The same, with a face that wasn't found counted as wrong.
        end_to_end_95: Its interval.
        samples: For `--compare`.
    """

    n: int
    detected: float
    accuracy_face_crops: float
    accuracy_face_crops_where_detected: float | None = absent()
    accuracy_through_detection: float | None = absent()
    end_to_end: float
    end_to_end_95: tuple[float, float]
    samples: Hits


@dataclass(frozen=True, kw_only=True)
class AccuracyRow(ArtifactRecord):
    """An artifact on a data set.

    Attributes:
        data: The data set.
        n: Faces that count.
        accuracy: Share named right.
        accuracy_95: Its interval.
        macro_f1: Mean of the classes' F1.
        ece: Calibration error at the manifest's temperature.
        temperature: That temperature.
        precision: What the artifact computes in.
        notes: What a reader must know.
        samples: For `--compare`.
        corruptions: Where asked for.
        through_detection: Where asked for.
        seconds: How long the row took.
    """

    data: str
    n: int
    accuracy: float
    accuracy_95: tuple[float, float]
    macro_f1: float
    ece: float
    temperature: float
    precision: str
    notes: list[str]
    samples: Hits
    corruptions: Corrupted | None = absent()
    through_detection: ThroughDetection | None = absent()
    seconds: float


@dataclass(frozen=True, kw_only=True)
class FailedAccuracy(ArtifactRecord):
    """An artifact and a data set that couldn't be measured, and why."""

    data: str
    error: str


@dataclass(frozen=True, kw_only=True)
class AccuracyReport(ComparableReport):
    """Accuracy of artifacts on data sets.

    Attributes:
        split: Of every data set.
        limit: Faces of each; 0 for all.
        provider: Where exported models ran.
        rows: A row for each artifact and data set.
    """

    split: str
    limit: int
    provider: str
    rows: list[AccuracyRow | FailedAccuracy]

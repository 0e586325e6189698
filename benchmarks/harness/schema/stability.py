"""The report of `benchmarks.stability`."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.harness.json_codec import absent
from benchmarks.harness.schema.common import ArtifactRecord, ComparableReport


@dataclass(frozen=True, kw_only=True)
class LabelFigures:
    """How often labels change while the face shows one thing, and how often they are right."""

    flips_per_minute: float
    accuracy: float


@dataclass(frozen=True, kw_only=True)
class AddedDelay:
    """What smoothing adds to the time until a new label shows.

    Attributes:
        n: Sequences in which both labels came.
        never: Sequences in which only the single frames' label came.
        median: In milliseconds, where there is any.
        p90: The same.
    """

    n: int
    never: int
    median: float | None = absent()
    p90: float | None = absent()


@dataclass(frozen=True, kw_only=True)
class StabilitySamples:
    """One value a sequence; no delay where a label never came."""

    items: str
    smooth_flips_per_minute: list[float]
    smooth_accuracy: list[float]
    added_delay_ms: list[float | None]


@dataclass(frozen=True, kw_only=True)
class Sequences:
    """Labels over sequences made of data-set faces.

    Attributes:
        faces: Name of the data set.
        n: Sequences.
        minutes: Their length in all.
        fps: Their frame rate.
        raw: Labels of single frames.
        smooth: Labels as the runtime shows them.
        times_fewer_flips: The one's flips over the other's; None where there are none.
        added_delay_ms: At the change from one face to the other.
        samples: For `--compare`.
    """

    faces: str
    n: int
    minutes: float
    fps: float
    raw: LabelFigures
    smooth: LabelFigures
    times_fewer_flips: float | None
    added_delay_ms: AddedDelay
    samples: StabilitySamples


@dataclass(frozen=True, kw_only=True)
class ClipFlips:
    """Flips in a video, over all its tracks; None where there are none to count."""

    clip: str
    track_minutes: float
    raw_flips_per_minute: float | None
    smooth_flips_per_minute: float | None


@dataclass(frozen=True, kw_only=True)
class FailedClip:
    """A video that couldn't be measured, and why."""

    clip: str
    error: str


@dataclass(frozen=True, kw_only=True)
class StabilityReport(ComparableReport):
    """Flips, accuracy and added delay of smoothed labels.

    Attributes:
        artifact: The model.
        temporal_head: What steadies the labels, as the runtime takes it.
        smoothing_s: Time constant of the average, where one was asked for.
        sequences: Where a data set was given.
        clips: A row for each video.
    """

    artifact: ArtifactRecord
    temporal_head: str
    smoothing_s: float | None
    sequences: Sequences | None = absent()
    clips: list[ClipFlips | FailedClip] | None = absent()

"""The report of `benchmarks.peers`."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.harness.json_codec import absent
from benchmarks.harness.schema.common import ArtifactRecord, Report


@dataclass(frozen=True, kw_only=True)
class ClipShape:
    """Frames that every peer is given: their name, number and size in pixels."""

    name: str
    count: int
    height: int
    width: int


@dataclass(frozen=True, kw_only=True)
class PeerSpeed:
    """A peer on one clip.

    Attributes:
        clip: Its name.
        fps: Frames a second, median over the rounds, as is the next.
        frame_ms: Mean time a frame within a round.
        p50_ms: Over all frames, as is the next.
        p99_ms: The same.
        faces_found: Median number of faces in a frame.
        frames: Frames timed.
        ratio: Time over ours of the same round; None where ours failed.
        ratios: The same of each round.
    """

    clip: str
    fps: float
    frame_ms: float
    p50_ms: float
    p99_ms: float
    faces_found: float
    frames: int
    ratio: float | None
    ratios: list[float]


@dataclass(frozen=True, kw_only=True)
class PeerFaces:
    """A peer on cropped faces.

    Attributes:
        n: Faces whose label it could name.
        lacks: Labels that it doesn't know.
        found: Faces that it found in their crops.
        face_ms: Time a face.
        ratio: As in `PeerSpeed`.
        ratios: The same.
        accuracy: Share named right; a face that it didn't find counts as wrong.
        accuracy_95: Its interval.
        ours_on_the_same: Our accuracy on the same faces.
    """

    n: int
    lacks: list[str]
    found: int
    face_ms: float
    ratio: float | None
    ratios: list[float]
    accuracy: float | None = absent()
    accuracy_95: tuple[float, float] | None = absent()
    ours_on_the_same: float | None = absent()


@dataclass(frozen=True, kw_only=True)
class PeerInstall:
    """What a peer is and what its install took.

    Attributes:
        peer: Name of the row.
        packages: What was asked for, with versions.
        licence: As the package states it.
        settings: How it is used.
        install_mb: Space that it takes; None for our own rows, as is the next.
        install_s: How long the install took.
    """

    peer: str
    packages: list[str]
    licence: str
    settings: str
    install_mb: float | None
    install_s: float | None


@dataclass(frozen=True, kw_only=True)
class PeerRow(PeerInstall):
    """A peer that ran.

    Attributes:
        versions: Version by package.
        backend: What computes.
        start_s: Time from its start to its being ready.
        peak_memory_mb: Its highest resident memory, where the system says so.
        clips: Its speed on each clip; empty for one without a detector.
        faces: On cropped faces, where it was given some.
    """

    versions: dict[str, str]
    backend: str
    start_s: float
    peak_memory_mb: float | None
    clips: list[PeerSpeed]
    faces: PeerFaces | None = absent()


@dataclass(frozen=True, kw_only=True)
class FailedPeer(PeerInstall):
    """A peer that couldn't be measured, and why."""

    error: str


@dataclass(frozen=True, kw_only=True)
class PeersReport(Report):
    """The runtime beside other packages for the same job.

    Attributes:
        load_1min_after: Load of the machine at the end.
        artifacts: Our models.
        cores: CPU cores that each could use.
        threads: What each was told of threads.
        rounds: Rounds after the warm-up.
        source: Where the frames came from.
        clips: The frames.
        faces: Name of the data set, where one was given.
        faces_n: Cropped faces.
        rows: A row for each peer, ours among them.
    """

    load_1min_after: float
    artifacts: list[ArtifactRecord]
    cores: int
    threads: str
    rounds: int
    source: str
    clips: list[ClipShape]
    faces: str | None
    faces_n: int
    rows: list[PeerRow | FailedPeer]

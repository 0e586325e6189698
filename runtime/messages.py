"""What the stages hand to each other: small, frozen, slotted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timezone
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime.support.redaction import shown_address
from runtime.vision.boxes import Box, within_picture
from runtime.vision.picture import Picture
from runtime.vision.zones import Outline

#: Version of the JSON objects that `FrameResult.to_dict` makes.
JSON_SCHEMA = 1


def _equal(a: Any, b: Any) -> bool:
    """Whether two instances of a dataclass have the same values, of arrays each element."""
    for item in fields(a):
        one, other = getattr(a, item.name), getattr(b, item.name)
        if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
            if not (one is other or np.array_equal(one, other)):
                return False
        elif one != other:
            return False
    return True


def _now() -> datetime:
    return datetime.now(timezone.utc)


def utc(at: datetime) -> str:
    """A time of day as outputs have it: in UTC, with milliseconds."""
    return at.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _shown(name: str) -> str:
    """The name of a source or picture, which the user or a URL may have given a password."""
    return shown_address(name, path=True) if "://" in name else name


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture from a source; equal only to itself.

    A source gives picture, media time and, where it has one, a name; the pipeline fills in
    what it leaves out.

    Attributes:
        picture: What is to be seen.
        time_s: Media time in seconds: from the file, or since the stream began.
        stream: Index of its source, set by the pipeline.
        index: Number of the frame in its stream, from 0, dropped ones counted; set by the
            pipeline.
        at: Time of day, in UTC: of the capture where it is live, else of the processing.
        source: Name of its source; the pipeline sets it where it is empty.
        name: File name for pictures, else empty.
        captured: `time.monotonic()` when the picture was there; the pipeline sets it
            where it is 0.
        reconnects: How often its source was lost and came back by then.
        shot: Number of its shot in the stream, set by the pipeline. No track and no history
            goes on from one number to the next; frames may be dropped between.
        duration_s: How long it is shown, in seconds; 0 where that isn't known.
    """

    picture: Picture
    time_s: float
    stream: int = 0
    index: int = 0
    at: datetime = field(default_factory=_now)
    source: str = ""
    name: str = ""
    captured: float = 0.0
    reconnects: int = 0
    shot: int = 0
    duration_s: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """A detected face; equal to one of the same values.

    Attributes:
        box: (x1, y1, x2, y2) in pixels of the frame; may reach outside.
        score: Detector's confidence in [0, 1].
        landmarks: (5, 2) float32 points in pixels (left eye, right eye, nose,
            mouth's left and right corner, as seen in the picture), or None.
        extent: Box around everything that was taken for the same face, where a
            detector that was asked for it knows (`open_detector`); else None.
    """

    box: Box
    score: float
    landmarks: NDArray[np.float32] | None = None
    extent: Box | None = None

    @property
    def region(self) -> Box:
        """Its extent, or its box where that isn't known."""
        return self.extent or self.box

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Face):
            return NotImplemented
        return _equal(self, other)

    def __hash__(self) -> int:
        return hash((self.box, self.score, self.extent))


@dataclass(frozen=True, slots=True)
class Track:
    """A face over time.

    Attributes:
        id: Number of the track in its stream, from 1.
        face: The face in this frame, or its prediction.
        seen: False where the detector missed it and the box is predicted.
        zone: Name of the zone that it is in; empty for none.
    """

    id: int
    face: Face
    seen: bool
    zone: str = ""


@dataclass(frozen=True, slots=True)
class TrackedFrame:
    """A frame with the tracks in it.

    Attributes:
        frame: The frame.
        tracks: Its faces, seen or predicted.
        regions: Boxes of all that may be a face, as in `FrameResult`.
        sightings: What was detected in this frame: a number that stays with a
            face, and its region.
        detected: Whether the detector ran; else every track is predicted.
        zones: The zones of its source.
    """

    frame: Frame
    tracks: tuple[Track, ...]
    regions: tuple[Box, ...] = ()
    sightings: tuple[tuple[int, Box], ...] = ()
    detected: bool = True
    zones: tuple[Outline, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class EmotionResult:
    """What one face shows; equal to one of the same values.

    Attributes:
        track: Id of the track; 0 in single pictures.
        box: (x1, y1, x2, y2) in pixels, inside the picture unless raw boxes are asked for.
        score: Detector's confidence.
        emotion: The label.
        confidence: Its calibrated, smoothed probability.
        uncertain: True where no label deserves trust.
        probabilities: Of every label, in the model's order.
        zone: Name of the zone that its centre is in; empty for none.
        embedding: (D,) float32 features that the label was read from, where they were asked
            for; None where the face was not read in this frame and keeps its last label.
    """

    track: int
    box: Box
    score: float
    emotion: str
    confidence: float
    uncertain: bool
    probabilities: Mapping[str, float]
    zone: str = ""
    embedding: NDArray[np.float32] | None = None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, EmotionResult):
            return NotImplemented
        return _equal(self, other)

    def __hash__(self) -> int:
        return hash((self.track, self.box, self.score, self.emotion, self.confidence, self.zone))

    def to_dict(self) -> dict[str, Any]:
        """JSON's form of it."""
        more: dict[str, Any] = {"zone": self.zone} if self.zone else {}
        if self.embedding is not None:
            more["embedding"] = [round(v, 4) for v in self.embedding.tolist()]
        return {
            "track": self.track,
            "box": [round(float(v), 1) for v in self.box],
            "score": round(self.score, 3),
            "emotion": self.emotion,
            "confidence": round(self.confidence, 4),
            "uncertain": self.uncertain,
            "probabilities": {k: round(v, 4) for k, v in self.probabilities.items()},
            **more,
        }


@dataclass(frozen=True, slots=True, eq=False)
class FrameResult:
    """All faces of one frame; equal to one of the same values.

    Attributes:
        stream: Index of the source; None for single pictures.
        frame: Number of the frame in its stream.
        time_s: Media time in seconds.
        image: (H, W, 3) uint8 BGR, the frame itself; don't write to it.
        faces: One result a face.
        latency_ms: From capture to this result.
        name: File name for pictures, else empty.
        regions: Boxes of all that may be a face, for who wants to hide them:
            detections too weak for a track, the way from where a lost face was last
            seen to where it would be now, and faces' boxes that reach outside of the
            picture, as they were. Not in the JSON object.
        source: Name of the source, without credentials; empty for single pictures.
        at: Time of day as in `Frame`; None for single pictures.
        reconnect: In the first result after a loss of its source, how often that has come
            back by then; else 0.
        duration_s: How long the frame is shown, as in `Frame`. Not in the JSON object.
        zones: The zones of its source, in this picture. Not in the JSON object.
    """

    stream: int | None
    frame: int
    time_s: float
    image: NDArray[np.uint8]
    faces: tuple[EmotionResult, ...]
    latency_ms: float
    name: str = ""
    regions: tuple[Box, ...] = ()
    source: str = ""
    at: datetime | None = None
    reconnect: int = 0
    duration_s: float = 0.0
    zones: tuple[Outline, ...] = ()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, FrameResult):
            return NotImplemented
        return _equal(self, other)

    def __hash__(self) -> int:
        return hash((self.stream, self.frame, self.time_s, self.faces, self.name, self.source))

    def inside(self) -> FrameResult:
        """The same with boxes inside the picture, and without faces that are wholly outside.

        What reaches outside becomes a region as it was: who hides faces needs all of it.
        """
        height, width = self.image.shape[:2]
        faces, outside = [], []
        for face in self.faces:
            box = within_picture(face.box, width, height)
            if box != face.box:
                outside.append(face.box)
            if box is not None:
                faces.append(face if box == face.box else replace(face, box=box))
        if not outside:
            return self
        return replace(self, faces=tuple(faces), regions=(*self.regions, *outside))

    def to_dict(self) -> dict[str, Any]:
        """The JSON object of this frame; a single picture has its path in place of the time."""
        height, width = self.image.shape[:2]
        where: dict[str, Any] = {}
        if self.stream is not None:
            where = {
                "stream": self.stream,
                "source": _shown(self.source),
                "frame": self.frame,
                "time_s": round(self.time_s, 4),
            }
            if self.at is not None:
                where["at"] = utc(self.at)
        if self.reconnect:
            where["reconnect"] = self.reconnect
        if self.name:
            where["path" if self.stream is None else "name"] = _shown(self.name)
        return {
            "schema": JSON_SCHEMA,
            **where,
            "width": width,
            "height": height,
            "faces": [face.to_dict() for face in self.faces],
            "latency_ms": round(self.latency_ms, 2),
        }

"""Frames -> tracks: detects faces as often as needed, without threads."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from runtime.detectors.base import Detector
from runtime.detectors.found_faces import MAX_FACES, best, find_faces
from runtime.messages import Face, Frame, Track, TrackedFrame
from runtime.pipeline.load_shedding import Level
from runtime.telemetry.metrics import Metrics
from runtime.tracking.tracker import Tracker
from runtime.vision.boxes import Box
from runtime.vision.zones import Outline, Zones, zone_of

log = logging.getLogger(__name__)

#: Most detections of a stream that are followed without being faces: pictures made to
#: hold hundreds of them must not slow what follows without limit.
_MOST_STRAYS = 256

#: How far a camera's frames may be off their frame rate, in seconds.
_JITTER_S = 0.005


class DetectionStage:
    """One detector for all streams, and a tracker for each.

    The detector runs at most every `interval_s` of media time: at 30 frames a second and
    0.05 s on every second frame, at 12 on each, and on the first frame of each shot. In
    between, tracks go on where they were heading. No track goes on from one shot to another.
    """

    def __init__(
        self,
        detector: Detector,
        streams: int,
        interval_s: float | None,
        metrics: Metrics,
        face_score: float = 0.0,
        min_face: float = 0.0,
        zones: Sequence[Zones] = (),
    ) -> None:
        """Starts without tracks.

        Args:
            detector: Stays the caller's, who closes it.
            streams: Number of streams.
            interval_s: Media time between two detections in seconds; 0 searches every
                frame, None also where load shedding would leave it out, and always at
                the detector's full size.
            metrics: Gets the times of `detect` and `predict`.
            face_score: Detections below it are regions only, never faces.
            min_face: So are those whose box has a shorter side than this, in pixels.
            zones: Of each stream, as far as they go: so are faces that don't count there.
        """
        self._detector = detector
        self._interval_s = interval_s
        self._metrics = metrics
        self._face_score = face_score
        self._min_face = min_face
        self._zones = [*zones, *[Zones()] * (streams - len(zones))]
        self._trackers = [Tracker() for _ in range(streams)]
        # Of each stream: detections left out since the last one, and the media time of either.
        self._due = [(0, -math.inf) for _ in range(streams)]
        self._crowded: set[int] = set()
        # What is detected and no face of a track: too weak, or not yet sure.
        self._strays = [
            Tracker(new_score=0.0, coast_s=0.0, most=_MOST_STRAYS) for _ in range(streams)
        ]
        self._sizes = [(0, 0)] * streams
        # Of each stream's last frame.
        self._shots: list[int | None] = [None] * streams

    def track(self, frame: Frame, level: Level) -> TrackedFrame:
        """The faces of a frame, detected or predicted.

        Args:
            frame: Of any stream, each stream's in order.
            level: Of load shedding.
        """
        tracker, strays = self._trackers[frame.stream], self._strays[frame.stream]
        self._fit(frame)
        shot, self._shots[frame.stream] = self._shots[frame.stream], frame.shot
        cut = shot not in (None, frame.shot)
        if cut:
            for each in (tracker, strays):
                # Pictures have nothing to do with each other.
                each.end_tracks(hide=not frame.name)
        zones = self._zones[frame.stream].outlines(frame.picture.width, frame.picture.height)
        seen: dict[int, Box] = {}
        found: list[Box] = []
        detected = self._is_due(frame, level, cut)
        if detected:
            with self._metrics.time("detect"):
                scale = 1.0 if self._interval_s is None else level.detect_scale
                faces = find_faces(self._detector, frame.picture, scale=scale)
                found = [face.region for face in faces]
                sure = [face for face in faces if face.score >= self._face_score]
                if len(sure) > MAX_FACES and frame.stream not in self._crowded:
                    self._crowded.add(frame.stream)
                    log.warning(
                        "source %d: %d faces in a frame; the best %d of each frame are read",
                        *(frame.stream, len(sure), MAX_FACES),
                    )
                sure = best(self._first(sure, zones), MAX_FACES)
                tracks = tracker.update(sure, frame.time_s)
                seen = {track.id: track.face.region for track in tracks if track.seen}
                known = {id(track.face) for track in tracks if track.seen}
                rest = [face for face in faces if id(face) not in known]
                more = strays.update(rest, frame.time_s)
                seen |= {-track.id: track.face.region for track in more}
        else:
            with self._metrics.time("predict"):
                tracks = tracker.predict(frame.time_s)
        unseen = (*tracker.unseen(frame.time_s), *strays.unseen(frame.time_s))
        regions, sightings = (*found, *unseen), tuple(seen.items())
        counting = tuple(self._counting(tracks, zones))
        return TrackedFrame(frame, counting, regions, sightings, detected, zones)

    def _first(self, faces: list[Face], zones: Sequence[Outline]) -> list[Face]:
        """Of more faces than are tracked, only those that count."""
        if len(faces) <= MAX_FACES:
            return faces
        return [face for face in faces if zone_of(zones, face.box, self._min_face) is not None]

    def _counting(self, tracks: Iterable[Track], zones: Sequence[Outline]) -> Iterator[Track]:
        """The tracks whose faces count, each with its zone; the others go on unseen."""
        for track in tracks:
            zone = zone_of(zones, track.face.box, self._min_face)
            if zone is not None:
                yield replace(track, zone=zone) if zone else track

    def _fit(self, frame: Frame) -> None:
        """Takes tracks over into pictures of another size, such as after a reconnect."""
        height, width = frame.picture.height, frame.picture.width
        old_height, old_width = self._sizes[frame.stream]
        self._sizes[frame.stream] = height, width
        if (old_height, old_width) not in ((0, 0), (height, width)):
            for tracker in (self._trackers[frame.stream], self._strays[frame.stream]):
                tracker.rescale(width / old_width, height / old_height)

    def _is_due(self, frame: Frame, level: Level, cut: bool) -> bool:
        """Whether the detector runs on a frame; keeps account of it."""
        skipped, due_s = self._due[frame.stream]
        elapsed_s = frame.time_s - due_s
        # Pictures have names, and nothing moves on from one to the next.
        runs = self._interval_s is None or bool(frame.name) or elapsed_s < 0 or cut
        if self._interval_s is not None and not runs:
            if elapsed_s <= self._interval_s - _JITTER_S:
                return False
            runs = due_s == -math.inf or skipped + 1 >= level.detect_every
        self._due[frame.stream] = 0 if runs else skipped + 1, frame.time_s
        return runs

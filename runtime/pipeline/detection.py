"""Frames -> tracks: looks for faces as often as needed, without threads."""

from __future__ import annotations

import inspect
import logging
import math

from runtime.detectors.base import Detector
from runtime.detectors.found_faces import MAX_FACES, best, find_faces
from runtime.messages import Frame, TrackedFrame
from runtime.pipeline.load_shedding import Effort
from runtime.telemetry.metrics import Metrics
from runtime.tracking.tracker import Tracker
from runtime.vision.boxes import Box

log = logging.getLogger(__name__)

#: Most detections of a stream that are followed without being faces: pictures made to
#: hold hundreds of them must not slow what follows without limit.
_MOST_STRAYS = 256

#: How far a camera's frames may be off their beat, in seconds.
_JITTER_S = 0.005


class Follower:
    """One detector for all streams, and a tracker for each.

    Faces are looked for at most every `interval_s` of media time: at 30 frames
    a second every second frame, at 12 each. In between, tracks go on where
    they were heading.
    """

    def __init__(
        self,
        detector: Detector,
        streams: int,
        interval_s: float | None,
        metrics: Metrics,
        face_score: float = 0.0,
    ) -> None:
        """Starts without tracks.

        Args:
            detector: Stays the caller's, who closes it.
            streams: Number of streams.
            interval_s: Media time between two looks in seconds; 0 looks at
                every frame, None also where the effort would save it, and always at
                the detector's full size.
            metrics: Gets the times of `detect` and `predict`.
            face_score: Detections below it are regions only, never faces.
        """
        self._detector = detector
        self._interval_s = interval_s
        self._metrics = metrics
        self._face_score = face_score
        self._trackers = [Tracker() for _ in range(streams)]
        # Of each stream: looks let out since the last one, and the media time of either.
        self._looked = [(0, -math.inf) for _ in range(streams)]
        self._crowded: set[int] = set()
        # What is detected and no face of a track: too weak, or not yet sure.
        self._strays = [
            Tracker(new_score=0.0, coast_s=0.0, most=_MOST_STRAYS) for _ in range(streams)
        ]
        self._sizes = [(0, 0)] * streams
        # Detectors of callers need know no scale.
        self._scales = "scale" in inspect.signature(detector.detect).parameters

    def follow(self, frame: Frame, effort: Effort) -> TrackedFrame:
        """The faces of a frame, detected or predicted.

        Args:
            frame: Of any stream, each stream's in order.
            effort: How much work the frame is worth.
        """
        tracker, strays = self._trackers[frame.stream], self._strays[frame.stream]
        self._fit(frame)
        seen: dict[int, Box] = {}
        found: list[Box] = []
        detected = self._looks(frame, effort)
        if detected:
            with self._metrics.time("detect"):
                reduced = self._scales and self._interval_s is not None and effort.detect_scale < 1
                scale = (effort.detect_scale,) if reduced else ()
                faces = find_faces(self._detector, frame.image, *scale)
                found = [face.region for face in faces]
                sure = [face for face in faces if face.score >= self._face_score]
                if len(sure) > MAX_FACES and frame.stream not in self._crowded:
                    self._crowded.add(frame.stream)
                    log.warning(
                        "source %d: %d faces in a frame; the best %d of each frame are read",
                        *(frame.stream, len(sure), MAX_FACES),
                    )
                sure = best(sure, MAX_FACES)
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
        return TrackedFrame(frame, tuple(tracks), regions, sightings, detected)

    def _fit(self, frame: Frame) -> None:
        """Takes tracks over into pictures of another size, such as after a reconnect."""
        (height, width), (old_height, old_width) = frame.image.shape[:2], self._sizes[frame.stream]
        self._sizes[frame.stream] = height, width
        if (old_height, old_width) not in ((0, 0), (height, width)):
            for tracker in (self._trackers[frame.stream], self._strays[frame.stream]):
                tracker.rescale(width / old_width, height / old_height)

    def _looks(self, frame: Frame, effort: Effort) -> bool:
        """Whether faces are looked for in a frame; keeps account of it."""
        skipped, due_s = self._looked[frame.stream]
        elapsed_s = frame.time_s - due_s
        # Pictures have names, and nothing moves on from one to the next.
        looks = self._interval_s is None or bool(frame.name) or elapsed_s < 0
        if self._interval_s is not None and not looks:
            if elapsed_s <= self._interval_s - _JITTER_S:
                return False
            looks = due_s == -math.inf or skipped + 1 >= effort.look_every
        self._looked[frame.stream] = 0 if looks else skipped + 1, frame.time_s
        return looks

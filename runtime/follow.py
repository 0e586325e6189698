"""Frames -> tracks: looks for faces as often as needed, without threads."""

from __future__ import annotations

import inspect
import logging
import math

import numpy as np

from runtime.budget import Effort
from runtime.detect import Detector
from runtime.found_faces import MAX_FACES, MAX_REGIONS, best, find_faces
from runtime.messages import Face, Frame, TrackedFrame
from runtime.metrics import Metrics
from runtime.preprocess import Box
from runtime.track import Tracker, iou_matrix

log = logging.getLogger(__name__)

#: How far a camera's frames may be off their beat, in seconds.
_JITTER_S = 0.005

#: How long a detection stays a region where no other comes in its place, in
#: seconds: those too weak for a track come and go.
_HOLD_S = 0.5


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
                every frame, None also where the effort would save it.
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
        self._found: list[list[tuple[float, Box]]] = [[] for _ in range(streams)]
        self._crowded: set[int] = set()
        # Detectors of callers need know no scale.
        self._scales = "scale" in inspect.signature(detector.detect).parameters

    def follow(self, frame: Frame, effort: Effort) -> TrackedFrame:
        """The faces of a frame, detected or predicted.

        Args:
            frame: Of any stream, each stream's in order.
            effort: How much work the frame is worth.
        """
        tracker = self._trackers[frame.stream]
        detected = self._looks(frame, effort)
        if detected:
            with self._metrics.time("detect"):
                scale = (effort.detect_scale,) if self._scales and effort.detect_scale < 1 else ()
                faces = find_faces(self._detector, frame.image, *scale)
                sure = [face for face in faces if face.score >= self._face_score]
                if len(sure) > MAX_FACES and frame.stream not in self._crowded:
                    self._crowded.add(frame.stream)
                    log.warning(
                        "source %d: %d faces in a frame; the best %d of each frame are read",
                        *(frame.stream, len(sure), MAX_FACES),
                    )
                sure = best(sure, MAX_FACES)
                tracks = tracker.update(sure, frame.time_s)
            self._found[frame.stream] = _hold(self._found[frame.stream], faces, frame)
        else:
            with self._metrics.time("predict"):
                tracks = tracker.predict(frame.time_s)
        found = [box for _, box in self._found[frame.stream]]
        regions = (*found, *tracker.unseen(frame.time_s))
        return TrackedFrame(frame, tuple(tracks), regions, detected)

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


def _hold(
    before: list[tuple[float, Box]], faces: list[Face], frame: Frame
) -> list[tuple[float, Box]]:
    """(media time, box) of a frame's detections, and of late ones that nothing replaces."""
    now = [(frame.time_s, face.box) for face in faces]
    late = [] if frame.name else [o for o in before if 0 <= frame.time_s - o[0] <= _HOLD_S]
    # Whatever a picture is made to give, there is no more to cover than in one frame.
    late = late[: MAX_REGIONS - len(now)]
    if not late or not now:
        return now + late
    overlap = iou_matrix(np.array([b for _, b in late]), np.array([b for _, b in now]))
    return now + [old for old, most in zip(late, overlap.max(1), strict=True) if most < 0.3]

"""Faces over time: which box of this frame is whose box of the last.

Roboflow's `trackers` was measured first: with its needs (SciPy, Matplotlib, a
second OpenCV) it adds 430 MB to a 380 MB runtime and 0.8 to 2.9 s to the
start, so this keeps the two ideas that matter for faces: ByteTrack's (Zhang et al. 2022,
arXiv:2110.06864) second chance for weak detections, and SORT's (Bewley et al.
2016, arXiv:1602.00763) Kalman filter of the motion, here in seconds so that
dropped frames don't matter, and in parts of the face's side so that near and
far faces are alike. Faces seen recently are matched before those that have been
hidden for longer (DeepSORT's cascade, Wojke et al. 2017, arXiv:1703.07402): who
stands in front keeps the box.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from runtime.detectors.found_faces import MAX_FACES
from runtime.messages import Face, Track
from runtime.tracking.association import affinity
from runtime.tracking.kalman import Motion
from runtime.vision.boxes import Box, sweep

#: How long an unseen face keeps its speed: it fades with this time constant, in seconds.
_FADE_S = 1.5

#: How much further off than its side a hidden face may come back, in sides a second.
_STRAY = 0.5

#: How far a face that turned back unseen may be, as a share of its way had it gone on.
_BACK = 0.5


class _State:
    """One track: its last box, how it moves, and when it was seen."""

    def __init__(self, id: int, face: Face, time_s: float) -> None:
        self.id, self.face, self.time_s = id, face, time_s
        self.seen = self.coasts = True
        x, y, side = _centre(face)
        self._motion = (Motion(x, side), Motion(y, side))

    def predict(self, time_s: float) -> NDArray[np.float64]:
        """(4,) box at a later time; size stays, and the motion fades."""
        return np.asarray(self.face.box, np.float64) + np.tile(self._moved(time_s), 2)

    def _moved(self, time_s: float) -> NDArray[np.float64]:
        """(2,) pixels from where it was last seen to where it would be."""
        elapsed = max(time_s - self.time_s, 0.0)
        moves = _FADE_S * (1 - math.exp(-elapsed / _FADE_S))
        return np.array([motion.speed for motion in self._motion]) * moves

    def way(self, time_s: float) -> list[Box]:
        """To where it would be: it may have stopped anywhere on the way, or turned back."""
        x1, y1, x2, y2 = self.face.region
        x, y = self._moved(time_s).tolist()
        a, b = -_BACK * x, -_BACK * y
        return sweep((x1 + a, y1 + b, x2 + a, y2 + b), (x1 + x, y1 + y, x2 + x, y2 + y))

    def rescale(self, x: float, y: float) -> None:
        """Goes on in a picture of another size."""
        box, extent = (
            b and (b[0] * x, b[1] * y, b[2] * x, b[3] * y)
            for b in (self.face.box, self.face.extent)
        )
        assert box is not None
        self.face = replace(self.face, box=box, landmarks=None, extent=extent)
        for motion, factor in zip(self._motion, (x, y), strict=True):
            motion.rescale(factor)

    def coast(self, time_s: float) -> Track:
        """The track at its predicted place."""
        x1, y1, x2, y2 = (float(v) for v in self.predict(time_s))
        return Track(self.id, Face((x1, y1, x2, y2), self.face.score), False)

    def update(self, face: Face, time_s: float) -> None:
        """Takes a new detection."""
        elapsed = time_s - self.time_s
        x, y, side = _centre(face)
        if elapsed > 0:
            for motion, place in zip(self._motion, (x, y), strict=True):
                motion.update(place, elapsed, side)
        self.face, self.time_s = face, time_s
        self.seen = self.coasts = True


def _centre(face: Face) -> tuple[float, float, float]:
    """Centre and mean side of its box, at least one pixel."""
    x1, y1, x2, y2 = face.box
    side = math.sqrt(max(x2 - x1, 1.0) * max(y2 - y1, 1.0))
    return (x1 + x2) / 2, (y1 + y2) / 2, side


class Tracker:
    """Gives each face of a stream an id that stays with it.

    Ids belong to the instance and are never used again within it.
    """

    def __init__(
        self,
        new_score: float = 0.6,
        max_age_s: float = 2.5,
        coast_s: float = 0.25,
        min_iou: float = 0.2,
        most: int = MAX_FACES,
    ) -> None:
        """Makes a tracker without tracks.

        Args:
            new_score: Detector's score from which a face begins a track;
                weaker ones only continue one.
            max_age_s: How long an unseen track may come back.
            coast_s: How long an unseen track is still reported, at its
                predicted place, so that one missed detection is no flicker.
            min_iou: Overlap with the prediction from which a box is a match.
            most: Most tracks that are remembered, those that were seen last.
        """
        self._new_score = new_score
        self._max_age_s = max_age_s
        self._coast_s = coast_s
        self._min_iou = min_iou
        self._most = most
        self._states: list[_State] = []  # by id
        self._ended: list[_State] = []  # of shots before this one
        self._next_id = 1
        self._detected_s = -math.inf

    def update(self, faces: Sequence[Face], time_s: float) -> list[Track]:
        """Matches the faces of a frame to tracks.

        Args:
            faces: Detections.
            time_s: Media time of the frame in seconds; going back restarts.

        Returns:
            Tracks seen in the frame, and those coasting, by id.
        """
        if any(time_s < state.time_s for state in self._states):
            self._states.clear()
        self._ended = [s for s in self._ended if 0 <= time_s - s.time_s <= self._max_age_s]
        self._states = [s for s in self._states if time_s - s.time_s <= self._max_age_s]
        for state in self._states:
            state.seen = False
        strong = [f for f in faces if f.score >= self._new_score]
        weak = [f for f in faces if f.score < self._new_score]
        waiting, unmatched = self._states, strong
        # Who stands beside a face gets it only where nobody was expected in its place.
        for overlapping in (True, False):
            tried, waiting = waiting, []
            for seen_s in sorted({s.time_s for s in tried}, reverse=True):
                alike = [s for s in tried if s.time_s == seen_s]
                rest, unmatched = self._match(alike, unmatched, time_s, overlapping)
                waiting += rest
        waiting, _ = self._match(waiting, weak, time_s)
        # Where no known face was met and new ones came, the scene was cut: the
        # old ones may come back, but nothing stands at their predicted place.
        if unmatched and len(waiting) == len(self._states):
            for state in waiting:
                state.coasts = False
        for face in unmatched:
            self._states.append(_State(self._next_id, face, time_s))
            self._next_id += 1
        if len(self._states) > self._most:
            latest = sorted(self._states, key=lambda state: state.time_s)[-self._most :]
            self._states = sorted(latest, key=lambda state: state.id)
        self._detected_s = time_s
        return [
            Track(state.id, state.face, True) if state.seen else state.coast(time_s)
            for state in self._states
            if state.seen or self._coasts(state, time_s)
        ]

    def predict(self, time_s: float) -> list[Track]:
        """Where the tracks are in a frame in which nothing was detected on purpose.

        Args:
            time_s: Media time of the frame in seconds; going back restarts.

        Returns:
            What `update` last returned, moved on, as not seen.
        """
        if time_s < self._detected_s:
            self._states.clear()
        return [
            state.coast(time_s)
            for state in self._states
            if state.seen or self._coasts(state, self._detected_s)
        ]

    def end_tracks(self, hide: bool = True) -> None:
        """Ends every track: none is reported or met again, and their ids don't come again.

        Args:
            hide: `unseen` still tells where their faces may be, for as long as a track may
                come back: what was taken for a cut may be none, and may come gradually.
        """
        self._ended = [*self._ended, *self._states][-self._most :] if hide else []
        self._states = []

    def _coasts(self, state: _State, time_s: float) -> bool:
        return state.coasts and time_s - state.time_s <= self._coast_s

    def unseen(self, time_s: float) -> list[Box]:
        """Where the faces that aren't seen in this frame may be, also of tracks not reported.

        Args:
            time_s: Media time in seconds.

        Returns:
            For as long as a track may come back, boxes from where its face was last
            seen to where it was heading.
        """
        states = [s for s in self._states if not s.seen or time_s > s.time_s]
        states += [s for s in self._ended if 0 <= time_s - s.time_s <= self._max_age_s]
        return [box for state in states for box in state.way(time_s)]

    def rescale(self, x: float, y: float) -> None:
        """Goes on in a picture of another size.

        Args:
            x: New width over old.
            y: New height over old.
        """
        for state in (*self._states, *self._ended):
            state.rescale(x, y)

    def _match(
        self, states: list[_State], faces: list[Face], time_s: float, overlapping: bool = False
    ) -> tuple[list[_State], list[Face]]:
        """Updates the states that match, if asked only by overlap; returns the rest of both."""
        if not states or not faces:
            return states, faces
        predicted = np.stack([s.predict(time_s) for s in states])
        boxes = np.array([f.box for f in faces], np.float64)
        reach = np.array([1 + _STRAY * (time_s - s.time_s) for s in states])
        fit = affinity(predicted, boxes, reach, self._min_iou)
        taken_states: set[int] = set()
        taken_faces: set[int] = set()
        # Best pairs first; faces rarely overlap, so this equals the optimum.
        for flat in np.argsort(-fit, axis=None, kind="stable"):
            i, j = divmod(int(flat), len(faces))
            if fit[i, j] <= (1 if overlapping else 0):
                break
            if i not in taken_states and j not in taken_faces:
                states[i].update(faces[j], time_s)
                taken_states.add(i)
                taken_faces.add(j)
        return (
            [s for i, s in enumerate(states) if i not in taken_states],
            [f for j, f in enumerate(faces) if j not in taken_faces],
        )

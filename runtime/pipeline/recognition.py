"""Tracked faces -> steady labels: crop, classify and smooth, without threads."""

from __future__ import annotations

import math
from collections.abc import Sequence
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from runtime.emotion.classifier import Classifier
from runtime.emotion.smoothing import Smoother
from runtime.emotion.temporal import TemporalHead, TrackHistories
from runtime.messages import EmotionResult, Track, TrackedFrame
from runtime.vision.preprocess import cut_face


def make_smoother(smoothing_s: float | None, head: TemporalHead | None) -> Smoother:
    """What steadies labels: an average, or after a head only hysteresis."""
    if head is not None:
        return Smoother(0.0)
    return Smoother() if smoothing_s is None else Smoother(smoothing_s)


class RecognitionStage:
    """Reads all faces of some frames in one batch, and remembers each track's label."""

    def __init__(
        self,
        classifier: Classifier,
        streams: int,
        smoothing_s: float | None = None,
        head: TemporalHead | None = None,
    ) -> None:
        """Starts without memory.

        Args:
            classifier: Reads single faces.
            streams: Number of streams; each has tracks of its own.
            smoothing_s: Time constant of the smoothing in seconds; None for the usual one.
            head: Reads each track's last moments in place of that smoothing;
                hysteresis and "uncertain" stay. It remains the caller's, who closes it.

        Raises:
            ManifestError: The head was made for other labels.
        """
        if head is not None:
            head.check(classifier.labels)
        self._classifier = classifier
        self._head = head
        self._histories = [] if head is None else [TrackHistories(head) for _ in range(streams)]
        self._smoothers = [make_smoother(smoothing_s, head) for _ in range(streams)]

    def recognize(
        self, batch: Sequence[TrackedFrame], limit: int | None = None
    ) -> list[tuple[EmotionResult, ...]]:
        """Labels of every track of every frame.

        A track that the detector missed keeps its last label; its predicted
        place is no evidence.

        Args:
            batch: Frames of any streams, each stream's in order.
            limit: Most faces to read; the others keep their last label. Those
                without one come first and are always read, then those whose
                label is oldest, so that every face has its turn.

        Returns:
            A tuple of results for each frame.
        """
        spec = self._classifier.spec
        chosen = self._choose(batch, limit)
        crops = [
            cut_face(batch[i].frame.picture.bgr(), track.face.box, spec, track.face.landmarks)
            for i, track in chosen
        ]
        rows, features = self._classifier.read(crops)
        if self._head is not None:
            rows = self._head.read(self._windows(batch, chosen, rows))
        read = {
            (i, track.id): pair
            for (i, track), pair in zip(chosen, zip(rows, features, strict=True), strict=True)
        }
        results = []
        for i, item in enumerate(batch):
            smoother, time_s = self._smoothers[item.frame.stream], item.frame.time_s
            faces = []
            for track in item.tracks:
                row, embedding = read.get((i, track.id), (None, None))
                label = (
                    smoother.last(track.id)
                    if row is None
                    else smoother.update(track.id, row, time_s)
                )
                if label is not None:
                    labels = self._classifier.labels
                    faces.append(
                        label.describe(track.face, labels, track.id, track.zone, embedding)
                    )
            present = {track.id for track in item.tracks}
            smoother.forget(time_s, present)
            if self._histories:
                self._histories[item.frame.stream].forget(time_s, present)
            results.append(tuple(faces))
        return results

    def _windows(
        self,
        batch: Sequence[TrackedFrame],
        chosen: Sequence[tuple[int, Track]],
        rows: NDArray[np.float64],
    ) -> NDArray[np.float32]:
        """(N, steps, C): for each of N observations the window that ends at it."""
        windows = []
        for (i, track), row in zip(chosen, rows, strict=True):
            frame = batch[i].frame
            windows.append(self._histories[frame.stream].push(track.id, row, frame.time_s))
        return np.array(windows, np.float32)

    def _choose(self, batch: Sequence[TrackedFrame], limit: int | None) -> list[tuple[int, Track]]:
        """(place in the batch, track) of the faces to read."""
        seen = [(i, track) for i, item in enumerate(batch) for track in item.tracks if track.seen]
        if limit is None or len(seen) <= limit:
            return seen

        def age(place: tuple[int, Track]) -> float:
            frame = batch[place[0]].frame
            read_s = self._smoothers[frame.stream].read_s(place[1].id)
            return math.inf if read_s is None else frame.time_s - read_s

        new = sum(age(place) == math.inf for place in seen)
        # Sorting is stable: where ages are equal, in the order of the frame.
        return sorted(sorted(seen, key=age, reverse=True)[: max(limit, new)], key=itemgetter(0))

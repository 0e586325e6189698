"""Tracked faces -> steady labels: crop, classify and smooth, without threads."""

from __future__ import annotations

from collections.abc import Sequence

from runtime.classify import Classifier
from runtime.messages import EmotionResult, Track, TrackedFrame
from runtime.preprocess import crop_face
from runtime.smooth import Label, Smoother


class Recognizer:
    """Reads all faces of some frames in one batch, and remembers each track's label."""

    def __init__(self, classifier: Classifier, streams: int, smoothing_s: float) -> None:
        """Starts without memory.

        Args:
            classifier: Reads single faces.
            streams: Number of streams; each has tracks of its own.
            smoothing_s: Time constant of the smoothing in seconds.
        """
        self._classifier = classifier
        self._smoothers = [Smoother(smoothing_s) for _ in range(streams)]

    def recognize(self, batch: Sequence[TrackedFrame]) -> list[tuple[EmotionResult, ...]]:
        """Labels of every track of every frame.

        A track that the detector missed keeps its last label; its predicted
        place is no evidence.

        Args:
            batch: Frames of any streams, each stream's in order.

        Returns:
            A tuple of results for each frame.
        """
        spec = self._classifier.spec
        crops = [
            crop_face(item.frame.image, track.face.box, spec, track.face.landmarks)
            for item in batch
            for track in item.tracks
            if track.seen
        ]
        rows = iter(self._classifier.classify(crops))
        results = []
        for item in batch:
            smoother, time_s = self._smoothers[item.frame.stream], item.frame.time_s
            faces = []
            for track in item.tracks:
                label = (
                    smoother.update(track.id, next(rows), time_s)
                    if track.seen
                    else smoother.last(track.id)
                )
                if label is not None:
                    faces.append(self._describe(track, label))
            smoother.forget(time_s)
            results.append(tuple(faces))
        return results

    def _describe(self, track: Track, label: Label) -> EmotionResult:
        labels = self._classifier.labels
        return EmotionResult(
            track=track.id,
            box=track.face.box,
            score=track.face.score,
            emotion=labels[label.index],
            confidence=label.confidence,
            uncertain=label.uncertain,
            probabilities=dict(zip(labels, label.probabilities.tolist(), strict=True)),
        )

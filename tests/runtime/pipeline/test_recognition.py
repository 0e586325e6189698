"""Which faces are read when not all can be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.emotion.classifier import Classifier
from runtime.engines.factory import open_engine
from runtime.messages import Face, Frame, Track, TrackedFrame
from runtime.pipeline.recognition import RecognitionStage
from runtime.vision.picture import Picture


class _Counting(Classifier):
    """Remembers how many faces each run had."""

    def read(self, faces):  # type: ignore[no-untyped-def]
        self.sizes = [*getattr(self, "sizes", []), len(faces)]
        return super().read(faces)


def _frame(ids: list[int], time_s: float, stream: int = 0, seen: bool = True) -> TrackedFrame:
    image = np.full((48, 400, 3), 90, np.uint8)
    tracks = tuple(Track(i, Face((20.0 * i, 5, 20.0 * i + 18, 25), 0.9), seen) for i in ids)
    return TrackedFrame(Frame(Picture(image), time_s, stream, round(time_s * 30)), tracks)


def _recognizer(engine: Path, streams: int = 1) -> tuple[RecognitionStage, _Counting]:
    classifier = _Counting(open_engine(engine))
    return RecognitionStage(classifier, streams, 0.25), classifier


def test_every_face_has_its_turn(tiny_engine: Path) -> None:
    recognizer, classifier = _recognizer(tiny_engine)
    ids = list(range(1, 9))
    for frame in range(12):
        (faces,) = recognizer.recognize([_frame(ids, frame / 30)], limit=2)
        assert [face.track for face in faces] == ids, "the others keep their label"
    # All are new in the first frame; then two a frame, oldest label first.
    assert classifier.sizes == [8, *[2] * 11]
    smoother = recognizer._smoothers[0]
    read = [round(30 * (smoother.read_s(i) or 0)) for i in ids]
    assert sorted(read) == [8, 8, 9, 9, 10, 10, 11, 11]


def test_a_new_face_is_read_at_once(tiny_engine: Path) -> None:
    recognizer, classifier = _recognizer(tiny_engine)
    recognizer.recognize([_frame([1, 2, 3], 0.0)], limit=1)
    (faces,) = recognizer.recognize([_frame([1, 2, 3, 9], 1 / 30)], limit=1)
    assert [face.track for face in faces] == [1, 2, 3, 9]
    assert recognizer._smoothers[0].read_s(9) == 1 / 30
    assert classifier.sizes == [3, 1]


def test_a_face_that_waits_longer_than_a_reset_keeps_its_label(tiny_engine: Path) -> None:
    recognizer, _ = _recognizer(tiny_engine)
    ids = list(range(1, 17))
    for frame in range(40):
        (faces,) = recognizer.recognize([_frame(ids, frame / 5)], limit=1)
        assert len(faces) == 16


def test_streams_share_fairly(tiny_engine: Path) -> None:
    recognizer, _ = _recognizer(tiny_engine, streams=2)
    for frame in range(20):
        time_s = frame / 30
        # Clocks of streams differ; the age of a label is what counts.
        batch = [_frame([1, 2], time_s), _frame([1, 2], 100 + time_s, stream=1)]
        recognizer.recognize(batch, limit=2)
    for stream, start in ((0, 0.0), (1, 100.0)):
        for track in (1, 2):
            read_s = recognizer._smoothers[stream].read_s(track)
            assert read_s is not None
            assert start + 17 / 30 < read_s


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.lists(st.integers(1, 9), unique=True, max_size=9), min_size=1, max_size=8),
    st.integers(1, 5),
)
def test_no_face_is_lost_and_the_limit_holds(
    tiny_engine: Path, frames: list[list[int]], limit: int
) -> None:
    recognizer, classifier = _recognizer(tiny_engine)
    known: set[int] = set()
    for i, ids in enumerate(frames):
        (faces,) = recognizer.recognize([_frame(ids, i / 30)], limit)
        assert [face.track for face in faces] == ids
        new = len(set(ids) - known)
        known |= set(ids)
        assert classifier.sizes[-1] == min(len(ids), max(limit, new))

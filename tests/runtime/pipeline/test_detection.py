"""When the detector runs, and what stands in the frames between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from runtime.messages import Face, Frame, TrackedFrame
from runtime.pipeline.detection import DetectionStage
from runtime.pipeline.load_shedding import LEVELS, Level
from runtime.telemetry.metrics import Metrics
from runtime.tracking.shots import Shots
from runtime.vision.boxes import Box
from runtime.vision.picture import Picture


class _Finder:
    """A face that moves by two pixels a frame; notes which frames it was asked for."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def detect(
        self, picture: Picture, regions: Sequence[Box] | None = None, scale: float = 1.0
    ) -> list[Face]:
        index = int(picture.bgr()[0, 0, 0])
        self.asked.append(index)
        return [Face((2.0 * index, 10, 2.0 * index + 40, 50), 0.9)]

    def close(self) -> None:
        """Holds nothing."""


def _frame(index: int, fps: float, stream: int = 0, name: str = "") -> Frame:
    image = np.full((60, 300, 3), index, np.uint8)
    return Frame(Picture(image), index / fps, stream, index, name=name)


@pytest.mark.parametrize(("fps", "every"), [(12, 1), (25, 2), (30, 2), (60, 3)])
def test_detects_twenty_times_a_second_at_most(fps: float, every: int) -> None:
    finder = _Finder()
    stage = DetectionStage(finder, 1, 0.05, Metrics())
    tracked = [stage.track(_frame(i, fps), Level()) for i in range(60)]
    assert finder.asked == list(range(0, 60, every))
    assert all(len(item.tracks) == 1 for item in tracked)
    assert {item.tracks[0].id for item in tracked} == {1}
    for i, item in enumerate(tracked[20:], 20):
        assert item.tracks[0].seen == (i % every == 0)
        assert item.tracks[0].face.box[0] == pytest.approx(2 * i, abs=1.5)


def test_no_interval_searches_every_frame() -> None:
    finder = _Finder()
    stage = DetectionStage(finder, 1, 0.0, Metrics())
    for i in range(20):
        stage.track(_frame(i, 500), Level())
    assert len(finder.asked) == 20


def test_none_searches_every_frame_whatever_the_level() -> None:
    finder = _Finder()
    stage = DetectionStage(finder, 1, None, Metrics())
    for i in range(20):
        stage.track(_frame(i, 500), Level(4))
    assert len(finder.asked) == 20


def test_all_that_may_be_a_face_has_a_region() -> None:
    """A weak detection between two detections, and a track that moves on or is hidden."""

    class Weak(_Finder):
        def detect(
            self, picture: Picture, regions: Sequence[Box] | None = None, scale: float = 1.0
        ) -> list[Face]:
            strong = super().detect(picture)
            return [Face((200, 5, 230, 40), 0.45), *(strong if picture.bgr()[0, 0, 0] < 10 else [])]

    stage = DetectionStage(Weak(), 1, 0.05, Metrics())
    for i in range(16):
        item = stage.track(_frame(i, 30), Level())
        assert (200, 5, 230, 40) in item.regions
        lefts = [box[0] for box in item.regions if box[0] < 150]
        assert any(abs(left - 2 * i) < 4 for left in lefts), i


def test_a_weak_face_that_flickers_stays_a_region() -> None:
    class Flickers(_Finder):
        def detect(
            self, picture: Picture, regions: Sequence[Box] | None = None, scale: float = 1.0
        ) -> list[Face]:
            index = int(picture.bgr()[0, 0, 0])
            return [Face((20.0 + index, 10, 60.0 + index, 50), 0.3)] if index in (0, 4) else []

    stage = DetectionStage(Flickers(), 1, None, Metrics(), face_score=0.4)
    for i in range(100):
        item = stage.track(_frame(i, 30), Level())
        assert item.tracks == ()
        assert (len(item.regions) > 0) == (i <= 79), "2.5 seconds after the last"
        if 4 <= i <= 79:
            assert _columns(item.regions)[24:64].all()


def _columns(regions: tuple[Box, ...]) -> np.ndarray:
    """(300,) which columns of the picture some region reaches."""
    reached = np.zeros(300, np.bool_)
    for x1, _, x2, _ in regions:
        reached[max(0, int(x1)) : max(0, int(np.ceil(x2)))] = True
    return reached


def test_a_face_that_is_lost_stays_a_region_where_it_was_and_all_along_its_way() -> None:
    class Loses(_Finder):
        def detect(
            self, picture: Picture, regions: Sequence[Box] | None = None, scale: float = 1.0
        ) -> list[Face]:
            return super().detect(picture) if picture.bgr()[0, 0, 0] < 20 else []

    stage = DetectionStage(Loses(), 1, None, Metrics(), face_score=0.4)
    for i in range(94):
        item = stage.track(_frame(i, 30), Level())
        if i >= 20:
            went = 2 * min(i - 19, 15)
            # What is missing at the end is less than the margin of the cover.
            assert _columns(item.regions)[38 : 38 + went + 32].all(), "it may stop anywhere"
            assert _columns(item.regions)[38 - went // 3 : 38].all(), "or turn back"
    assert stage.track(_frame(95, 30), Level()).regions == ()


def test_more_faces_than_tracks_are_all_regions() -> None:
    """What is beyond the bound of the tracker must not be shown."""
    boxes = [
        (float(x), float(y), x + 5.0, y + 5.0) for x in range(0, 300, 6) for y in range(0, 60, 6)
    ]

    class Flood(_Finder):
        def detect(
            self, picture: Picture, regions: Sequence[Box] | None = None, scale: float = 1.0
        ) -> list[Face]:
            return [Face(box, 0.25) for box in boxes]

    stage = DetectionStage(Flood(), 1, None, Metrics(), face_score=0.4)
    for i in range(3):
        assert set(stage.track(_frame(i, 30), Level()).regions) >= set(boxes)


def test_regions_follow_a_picture_that_changes_its_size() -> None:
    class Loses(_Finder):
        def detect(
            self, picture: Picture, regions: Sequence[Box] | None = None, scale: float = 1.0
        ) -> list[Face]:
            return [Face((100, 10, 140, 50), 0.9)] if picture.height == 60 else []

    stage = DetectionStage(Loses(), 1, None, Metrics(), face_score=0.4)
    for i in range(5):
        stage.track(_frame(i, 30), Level())
    larger = Frame(Picture(np.zeros((120, 900, 3), np.uint8)), 5 / 30, index=5)
    (box,) = stage.track(larger, Level()).regions
    assert box == pytest.approx((300, 20, 420, 100), abs=4)


def test_who_searches_every_frame_searches_at_full_size() -> None:
    """A smaller picture loses small faces: with `--anonymize` they would be shown."""
    scales = []

    class Notes(_Finder):
        def detect(
            self, picture: Picture, regions: Sequence[Box] | None = None, scale: float = 1.0
        ) -> list[Face]:
            scales.append(scale)
            return []

    for interval_s in (None, 0.0):
        stage = DetectionStage(Notes(), 1, interval_s, Metrics())
        stage.track(_frame(0, 30), LEVELS[-1])
    assert scales == [1.0, LEVELS[-1].detect_scale]


def test_a_higher_level_detects_less_often() -> None:
    finder = _Finder()
    stage = DetectionStage(finder, 1, 0.0, Metrics())
    for i in range(20):
        stage.track(_frame(i, 30), Level(4))
    assert finder.asked == [0, 4, 8, 12, 16] or finder.asked == [3, 7, 11, 15, 19]


@pytest.mark.parametrize("fps", [5, 12, 25, 30, 60])
@pytest.mark.parametrize("interval_s", [0.0, 0.05])
def test_every_level_detects_less_often_at_any_rate(fps: float, interval_s: float) -> None:
    counts = []
    for every in sorted({level.detect_every for level in LEVELS}):
        finder = _Finder()
        stage = DetectionStage(finder, 1, interval_s, Metrics())
        for i in range(120):
            stage.track(_frame(i, fps), Level(every))
        counts.append(len(finder.asked))
    assert counts == [counts[0], -(-counts[0] // 2), -(-counts[0] // 3)]


def test_pictures_and_time_that_goes_back_are_searched() -> None:
    finder = _Finder()
    stage = DetectionStage(finder, 1, 5.0, Metrics())
    for i in range(5):
        stage.track(_frame(i, 30, name=f"{i}.png"), Level(4))
    assert finder.asked == [0, 1, 2, 3, 4]
    stage.track(_frame(2, 30), Level())
    assert finder.asked[5:] == [2]


def test_streams_keep_time_for_themselves() -> None:
    finder = _Finder()
    stage = DetectionStage(finder, 2, 0.05, Metrics())
    for i in range(8):
        for stream in (0, 1):
            stage.track(_frame(i, 30, stream), Level())
    assert finder.asked == [0, 0, 2, 2, 4, 4, 6, 6]


class _Still:
    """A face at the same place in every picture; notes how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def detect(
        self, picture: Picture, regions: Sequence[Box] | None = None, scale: float = 1.0
    ) -> list[Face]:
        self.asked += 1
        return [Face((20, 10, 60, 50), 0.9)]

    def close(self) -> None:
        """Holds nothing."""


def _scene(seed: int, time_s: float, stream: int = 0, name: str = "") -> Frame:
    """A frame of coloured patches, each scene's own."""
    patches = np.random.default_rng(seed).integers(0, 255, (6, 8, 3)).astype(np.uint8)
    image = np.ascontiguousarray(patches.repeat(20, axis=0).repeat(20, axis=1))
    return Frame(Picture(image), time_s, stream, name=name)


class _Shown:
    """A stage that gets its frames as the capture hands them on."""

    def __init__(self, stage: DetectionStage) -> None:
        self._stage = stage
        self._shots = [Shots(), Shots()]

    def track(self, frame: Frame, level: Level) -> TrackedFrame:
        shot = self._shots[frame.stream].number(frame)
        return self._stage.track(replace(frame, shot=shot), level)


def test_a_cut_ends_tracks_and_is_searched_at_once() -> None:
    finder = _Still()
    stage = _Shown(DetectionStage(finder, 2, 5.0, Metrics()))
    for i in range(20):
        stage.track(_scene(0, i / 25, stream=1), Level(4))
        (track,) = stage.track(_scene(0 if i < 10 else 1, i / 25), Level(4)).tracks
        assert track.id == (1 if i < 10 else 2), i
        assert track.seen == (i in (0, 10))
    assert finder.asked == 3
    (other,) = stage.track(_scene(0, 0.8, stream=1), Level()).tracks
    assert other.id == 1, "each stream has shots of its own"


def test_what_was_lost_at_a_cut_stays_a_region() -> None:
    """A dissolve shows the faces of both shots, and what is taken for a cut may be none."""
    stage = _Shown(DetectionStage(_Still(), 1, None, Metrics(), face_score=0.4))
    for time_s in (-0.04, 0.0):
        stage.track(_scene(0, time_s), Level())
    item = stage.track(_scene(1, 0.04), Level())
    assert item.regions.count((20, 10, 60, 50)) == 2
    for time_s, count in ((1.0, 2), (2.4, 2), (2.6, 1)):
        assert len(stage.track(_scene(1, time_s), Level()).regions) == count


def test_pictures_time_that_goes_back_and_a_reconnect_begin_shots() -> None:
    stage = _Shown(DetectionStage(_Still(), 1, 0.0, Metrics()))

    def ids(frame: Frame) -> list[int]:
        return [track.id for track in stage.track(frame, Level()).tracks]

    assert ids(_scene(0, 0.0, name="a.png")) == [1]
    assert ids(_scene(0, 0.1, name="a.png")) == [1], "an animation"
    assert ids(_scene(0, 2.0, name="b.png")) == [2]
    item = stage.track(_scene(0, 4.0, name="c.png"), Level())
    assert item.regions == ((20, 10, 60, 50),), "nothing stays of another picture"
    assert ids(_scene(0, 6.0)) == [4]
    assert ids(_scene(0, 5.0)) == [5]
    for reconnects, track in ((1, 6), (1, 6), (2, 7)):
        assert ids(replace(_scene(0, 7.0), reconnects=reconnects)) == [track]

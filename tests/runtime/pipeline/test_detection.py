"""When faces are looked for, and what stands in the frames between."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.messages import Face, Frame
from runtime.pipeline.detection import Follower
from runtime.pipeline.load_shedding import LADDER, Effort
from runtime.telemetry.metrics import Metrics
from runtime.vision.boxes import Box


class _Finder:
    """A face that moves by two pixels a frame; notes which frames it was asked for."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def detect(self, image: np.ndarray, scale: float = 1.0) -> list[Face]:
        index = int(image[0, 0, 0])
        self.asked.append(index)
        return [Face((2.0 * index, 10, 2.0 * index + 40, 50), 0.9)]

    def close(self) -> None:
        """Holds nothing."""


def _frame(index: int, fps: float, stream: int = 0, name: str = "") -> Frame:
    image = np.full((60, 300, 3), index, np.uint8)
    return Frame(stream, index, index / fps, image, 0.0, name)


@pytest.mark.parametrize(("fps", "every"), [(12, 1), (25, 2), (30, 2), (60, 3)])
def test_looks_twenty_times_a_second_at_most(fps: float, every: int) -> None:
    finder = _Finder()
    follower = Follower(finder, 1, 0.05, Metrics())
    tracked = [follower.follow(_frame(i, fps), Effort()) for i in range(60)]
    assert finder.asked == list(range(0, 60, every))
    assert all(len(item.tracks) == 1 for item in tracked)
    assert {item.tracks[0].id for item in tracked} == {1}
    for i, item in enumerate(tracked[20:], 20):
        assert item.tracks[0].seen == (i % every == 0)
        assert item.tracks[0].face.box[0] == pytest.approx(2 * i, abs=1.5)


def test_no_interval_looks_at_every_frame() -> None:
    finder = _Finder()
    follower = Follower(finder, 1, 0.0, Metrics())
    for i in range(20):
        follower.follow(_frame(i, 500), Effort())
    assert len(finder.asked) == 20


def test_none_looks_at_every_frame_whatever_the_effort() -> None:
    finder = _Finder()
    follower = Follower(finder, 1, None, Metrics())
    for i in range(20):
        follower.follow(_frame(i, 500), Effort(4))
    assert len(finder.asked) == 20


def test_all_that_may_be_a_face_has_a_region() -> None:
    """A weak detection between two looks, and a track that moves on or is hidden."""

    class Weak(_Finder):
        def detect(self, image: np.ndarray, scale: float = 1.0) -> list[Face]:
            strong = super().detect(image)
            return [Face((200, 5, 230, 40), 0.45), *(strong if image[0, 0, 0] < 10 else [])]

    follower = Follower(Weak(), 1, 0.05, Metrics())
    for i in range(16):
        item = follower.follow(_frame(i, 30), Effort())
        assert (200, 5, 230, 40) in item.regions
        lefts = [box[0] for box in item.regions if box[0] < 150]
        assert any(abs(left - 2 * i) < 4 for left in lefts), i


def test_a_weak_face_that_flickers_stays_a_region() -> None:
    class Flickers(_Finder):
        def detect(self, image: np.ndarray, scale: float = 1.0) -> list[Face]:
            index = int(image[0, 0, 0])
            return [Face((20.0 + index, 10, 60.0 + index, 50), 0.3)] if index in (0, 4) else []

    follower = Follower(Flickers(), 1, None, Metrics(), face_score=0.4)
    for i in range(100):
        item = follower.follow(_frame(i, 30), Effort())
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
        def detect(self, image: np.ndarray, scale: float = 1.0) -> list[Face]:
            return super().detect(image) if image[0, 0, 0] < 20 else []

    follower = Follower(Loses(), 1, None, Metrics(), face_score=0.4)
    for i in range(94):
        item = follower.follow(_frame(i, 30), Effort())
        if i >= 20:
            went = 2 * min(i - 19, 15)
            # What is missing at the end is less than the margin of the cover.
            assert _columns(item.regions)[38 : 38 + went + 32].all(), "it may stop anywhere"
            assert _columns(item.regions)[38 - went // 3 : 38].all(), "or turn back"
    assert follower.follow(_frame(95, 30), Effort()).regions == ()


def test_more_faces_than_tracks_are_all_regions() -> None:
    """What is beyond the bound of the tracker must not be shown."""
    boxes = [
        (float(x), float(y), x + 5.0, y + 5.0) for x in range(0, 300, 6) for y in range(0, 60, 6)
    ]

    class Flood(_Finder):
        def detect(self, image: np.ndarray, scale: float = 1.0) -> list[Face]:
            return [Face(box, 0.25) for box in boxes]

    follower = Follower(Flood(), 1, None, Metrics(), face_score=0.4)
    for i in range(3):
        assert set(follower.follow(_frame(i, 30), Effort()).regions) >= set(boxes)


def test_regions_follow_a_picture_that_changes_its_size() -> None:
    class Loses(_Finder):
        def detect(self, image: np.ndarray, scale: float = 1.0) -> list[Face]:
            return [Face((100, 10, 140, 50), 0.9)] if image.shape[0] == 60 else []

    follower = Follower(Loses(), 1, None, Metrics(), face_score=0.4)
    for i in range(5):
        follower.follow(_frame(i, 30), Effort())
    larger = Frame(0, 5, 5 / 30, np.zeros((120, 900, 3), np.uint8), 0.0)
    (box,) = follower.follow(larger, Effort()).regions
    assert box == pytest.approx((300, 20, 420, 100), abs=4)


def test_who_looks_in_every_frame_looks_at_full_size() -> None:
    """A smaller picture loses small faces: with `--anonymize` they would be shown."""
    scales = []

    class Notes(_Finder):
        def detect(self, image: np.ndarray, scale: float = 1.0) -> list[Face]:
            scales.append(scale)
            return []

    for interval_s in (None, 0.0):
        follower = Follower(Notes(), 1, interval_s, Metrics())
        follower.follow(_frame(0, 30), LADDER[-1])
    assert scales == [1.0, LADDER[-1].detect_scale]


def test_less_effort_looks_less_often() -> None:
    finder = _Finder()
    follower = Follower(finder, 1, 0.0, Metrics())
    for i in range(20):
        follower.follow(_frame(i, 30), Effort(4))
    assert finder.asked == [0, 4, 8, 12, 16] or finder.asked == [3, 7, 11, 15, 19]


@pytest.mark.parametrize("fps", [5, 12, 25, 30, 60])
@pytest.mark.parametrize("interval_s", [0.0, 0.05])
def test_every_step_looks_less_often_at_any_rate(fps: float, interval_s: float) -> None:
    counts = []
    for every in sorted({effort.look_every for effort in LADDER}):
        finder = _Finder()
        follower = Follower(finder, 1, interval_s, Metrics())
        for i in range(120):
            follower.follow(_frame(i, fps), Effort(every))
        counts.append(len(finder.asked))
    assert counts == [counts[0], -(-counts[0] // 2), -(-counts[0] // 3)]


def test_pictures_and_time_that_goes_back_are_looked_at() -> None:
    finder = _Finder()
    follower = Follower(finder, 1, 5.0, Metrics())
    for i in range(5):
        follower.follow(_frame(i, 30, name=f"{i}.png"), Effort(4))
    assert finder.asked == [0, 1, 2, 3, 4]
    follower.follow(_frame(2, 30), Effort())
    assert finder.asked[5:] == [2]


def test_streams_keep_time_for_themselves() -> None:
    finder = _Finder()
    follower = Follower(finder, 2, 0.05, Metrics())
    for i in range(8):
        for stream in (0, 1):
            follower.follow(_frame(i, 30, stream), Effort())
    assert finder.asked == [0, 0, 2, 2, 4, 4, 6, 6]


def test_a_callers_detector_need_know_no_scale() -> None:
    class Plain(_Finder):
        def detect(self, image: np.ndarray) -> list[Face]:  # type: ignore[override]
            return super().detect(image)

    finder = Plain()
    follower = Follower(finder, 1, 0.0, Metrics())
    follower.follow(_frame(0, 30), Effort())
    follower.follow(_frame(1, 30), Effort(detect_scale=0.6))
    assert finder.asked == [0, 1]

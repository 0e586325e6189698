"""What the stages hand to each other: equality, hashes and the JSON object."""

from dataclasses import FrozenInstanceError, replace
from datetime import datetime, timezone

import numpy as np
import pytest

from runtime.messages import EmotionResult, Face, Frame, FrameResult, Track, TrackedFrame
from runtime.vision.picture import Picture

MARKS = np.arange(10, dtype=np.float32).reshape(5, 2)
BOX = (1.0, 2.0, 3.0, 4.0)
EMOTION = EmotionResult(1, BOX, 0.9, "fear", 0.7, False, {"fear": 0.7, "anger": 0.3})


def frame():
    return Frame(Picture(np.zeros((4, 6, 3), np.uint8)), 0.5)


def result(fill=0):
    return FrameResult(0, 7, 0.5, np.full((4, 6, 3), fill, np.uint8), (EMOTION,), 1.5)


def test_a_frame_is_itself_alone():
    one = frame()
    assert one == one
    assert one != frame()
    assert len({one, frame(), one}) == 2


def test_a_source_need_give_only_picture_and_time():
    one = frame()
    assert (one.stream, one.index, one.name, one.source, one.captured) == (0, 0, "", "", 0.0)
    assert abs((datetime.now(timezone.utc) - one.at).total_seconds()) < 60


def test_faces_are_equal_by_their_values():
    same = [Face(BOX, 0.9, MARKS.copy()) for _ in range(2)]
    assert same[0] == same[1]
    assert len({*same, Face(BOX, 0.9)}) == 2
    assert Face(BOX, 0.9, MARKS) != Face(BOX, 0.9, MARKS + 1)
    assert Face(BOX, 0.9, MARKS) != Face(BOX, 0.9)
    assert Face(BOX, 0.9) != Face(BOX, 0.8)
    assert Face(BOX, 0.9) != BOX
    assert Track(1, same[0], True) == Track(1, same[1], True)


def test_results_are_equal_by_their_values():
    assert result() == result()
    assert hash(result()) == hash(result())
    assert result() != result(1)
    assert result() != replace(result(), latency_ms=9.0)
    assert replace(EMOTION) == EMOTION
    assert len({EMOTION, replace(EMOTION)}) == 1


def test_everything_can_be_compared_and_hashed():
    tracked = TrackedFrame(frame(), (Track(1, Face(BOX, 0.9, MARKS), True),))
    for item in (frame(), Face(BOX, 0.9, MARKS), EMOTION, result(), tracked):
        assert item == item
        assert item != object()
        assert hash(item) == hash(item)


def test_nothing_can_be_set():
    with pytest.raises(FrozenInstanceError):
        frame().time_s = 1.0


def test_the_json_object_has_no_more_than_it_had():
    got = replace(result(), source="door", at=datetime.now(timezone.utc)).to_dict()
    assert list(got) == [
        *("schema", "stream", "frame", "time_s", "width", "height", "faces", "latency_ms")
    ]
    single = FrameResult(None, 0, 0.0, np.zeros((4, 6, 3), np.uint8), (), 1.0, "a.png").to_dict()
    assert list(single) == ["schema", "path", "width", "height", "faces", "latency_ms"]


def test_a_region_is_the_extent_where_that_is_known():
    assert Face(BOX, 0.9).region == BOX
    assert Face(BOX, 0.9, extent=(0.0, 0.0, 9.0, 9.0)).region == (0.0, 0.0, 9.0, 9.0)

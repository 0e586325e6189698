"""What the stages hand to each other: equality, hashes and the JSON object."""

from dataclasses import FrozenInstanceError, replace
from datetime import datetime, timedelta, timezone

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


def test_the_json_object_says_where_and_when():
    at = datetime(2026, 11, 27, 19, 3, 4, 123900, timezone(timedelta(hours=1)))
    got = replace(result(), source="door", at=at).to_dict()
    assert list(got) == [
        *("schema", "stream", "source", "frame", "time_s", "at"),
        *("width", "height", "faces", "latency_ms"),
    ]
    assert (got["source"], got["at"]) == ("door", "2026-11-27T18:03:04.123Z")
    picture = replace(result(), source="pictures", at=at, name="pictures/a.png").to_dict()
    assert list(picture)[4:7] == ["time_s", "at", "name"]
    assert picture["name"] == "pictures/a.png"
    single = FrameResult(None, 0, 0.0, np.zeros((4, 6, 3), np.uint8), (), 1.0, "a.png").to_dict()
    assert list(single) == ["schema", "path", "width", "height", "faces", "latency_ms"]


def test_a_name_holds_no_password():
    got = replace(
        result(), source="rtsp://admin:S3cret@door/live", name="http://u:S3cret@door/a.jpg?key=1"
    ).to_dict()
    assert (got["source"], got["name"]) == ("rtsp://door", "http://door")


def faces_at(*boxes):
    """A result of 6 by 4 pixels with these boxes."""
    return replace(result(), faces=tuple(replace(EMOTION, box=box) for box in boxes))


def test_boxes_end_where_the_picture_does():
    got = faces_at((-3.5, 1.0, 2.0, 9.0), (1.0, 1.0, 3.0, 3.0), (-9.0, -9.0, 99.0, 99.0)).inside()
    assert [face.box for face in got.faces] == [
        (0.0, 1.0, 2.0, 4.0), (1.0, 1.0, 3.0, 3.0), (0.0, 0.0, 6.0, 4.0)
    ]  # fmt: skip
    # Who hides faces still has all of them.
    assert got.regions == ((-3.5, 1.0, 2.0, 9.0), (-9.0, -9.0, 99.0, 99.0))


def test_a_face_outside_of_the_picture_is_a_region_only():
    outside = ((-9.0, 1.0, 0.02, 3.0), (1.0, 4.0, 3.0, 8.0), (float("nan"), 0.0, 2.0, 2.0))
    got = faces_at(*outside).inside()
    assert got.faces == ()
    assert len(got.regions) == 3
    inside = faces_at((0.0, 0.0, 6.0, 4.0))
    assert inside.inside() is inside


def test_a_region_is_the_extent_where_that_is_known():
    assert Face(BOX, 0.9).region == BOX
    assert Face(BOX, 0.9, extent=(0.0, 0.0, 9.0, 9.0)).region == (0.0, 0.0, 9.0, 9.0)

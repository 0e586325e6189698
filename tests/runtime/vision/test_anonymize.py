from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.detectors.centerface import _extents
from runtime.messages import EmotionResult, Face, FrameResult
from runtime.tracking.tracker import Tracker
from runtime.vision.anonymize import MARGIN, anonymize, cover
from runtime.vision.picture import Picture

BOX = (182.0, 58.0, 270.0, 178.0)  # the portrait's face


def frame(image: np.ndarray, *boxes, regions=()) -> FrameResult:
    faces = tuple(
        EmotionResult(i, box, 0.9, "happiness", 0.8, False, {"happiness": 0.8})
        for i, box in enumerate(boxes, start=1)
    )
    return FrameResult(0, 0, 0.0, image, faces, 1.0, regions=regions)


def detail(image: np.ndarray, box=BOX) -> np.ndarray:
    """What is finer than an eye, at the face's place."""
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.float64)
    x1, y1, x2, y2 = (int(v) for v in box)
    return (grey - cv2.GaussianBlur(grey, (0, 0), 2))[y1:y2, x1:x2]


def likeness(a: np.ndarray, b: np.ndarray) -> float:
    return abs(float(np.corrcoef(detail(a).ravel(), detail(b).ravel())[0, 1]))


def test_the_face_is_not_in_the_picture_any_more(portrait):
    before = portrait.copy()
    out = anonymize(frame(portrait, BOX)).image
    assert (portrait == before).all()  # other threads see the same picture
    assert likeness(portrait, cv2.GaussianBlur(portrait, (0, 0), 1)) > 0.5
    assert likeness(portrait, out) < 0.1
    assert detail(out).std() < 0.1 * detail(portrait).std()
    sharpened = cv2.addWeighted(out, 6, cv2.GaussianBlur(out, (0, 0), 8), -5, 0)
    assert likeness(portrait, sharpened) < 0.1
    assert (out[300:] == portrait[300:]).all()


def test_what_is_inside_a_cell_is_gone_for_good(portrait):
    # Cells of 12 pixels: whatever order their pixels are in, the output is the same.
    box = (190.0, 80.0, 254.0, 144.0)
    other, rng = portrait.copy(), np.random.default_rng(0)
    for y in range(64, 160, 12):
        for x in range(174, 270, 12):
            cell = other[y : y + 12, x : x + 12].reshape(-1, 3)
            other[y : y + 12, x : x + 12] = rng.permutation(cell).reshape(12, 12, 3)
    assert likeness(portrait, other) < 0.2
    assert (cover(other, [box]) == cover(portrait, [box])).all()


@pytest.mark.parametrize("name", ["classroom", "face-demographics-walking"])
def test_small_faces_of_real_people_are_covered(clips_dir, name):
    """What a thorough search finds, the quick one of the pipeline covers."""
    from runtime import Pipeline
    from runtime.detectors.factory import open_detector
    from runtime.vision.anonymize import COVER_SCORE

    thorough = open_detector("centerface", size=640, threshold=0.5)
    seen = missed = 0
    clip = clips_dir / f"{name}.gif"
    with Pipeline(
        [clip], max_frames=40, detect_interval_s=None, regions_score=COVER_SCORE
    ) as pipeline:
        for result in pipeline:
            if result.frame % 4:
                continue
            for face in thorough.detect(Picture(result.image)):
                x, y = (face.box[0] + face.box[2]) / 2, (face.box[1] + face.box[3]) / 2
                seen += 1
                missed += not any(a <= x <= c and b <= y <= d for a, b, c, d in result.regions)
    assert seen >= 10
    assert missed <= 0.02 * seen


def test_detector_finds_no_face_there(portrait):
    from runtime.detectors.factory import open_detector

    detector = open_detector("centerface", size=320)
    assert detector.detect(Picture(portrait))
    assert not detector.detect(Picture(anonymize(frame(portrait, BOX)).image))


def test_hair_and_chin_are_covered_too(portrait):
    out = anonymize(frame(portrait, BOX)).image
    changed = np.argwhere((out != portrait).any(axis=2))
    y1, x1 = changed.min(axis=0)
    y2, x2 = changed.max(axis=0)
    assert x1 <= 182 - 15
    assert x2 >= 270 + 15
    assert y1 <= 58 - 25
    assert y2 >= 178 + 25


@pytest.mark.parametrize("shift", [(-220, 0), (280, 0), (0, -110), (0, 400), (-220, -110)])
def test_a_face_partly_outside_gets_no_finer_cells(portrait, shift):
    moved = cv2.warpAffine(portrait, np.float32([[1, 0, shift[0]], [0, 1, shift[1]]]), (512, 512))
    box = tuple(float(v + shift[i % 2]) for i, v in enumerate(BOX))
    out = anonymize(frame(moved, box)).image
    assert out.shape == moved.shape
    x1, y1, x2, y2 = (int(np.clip(v, 0, 512)) for v in box)
    part = cv2.cvtColor(out[y1:y2, x1:x2], cv2.COLOR_BGR2GRAY).astype(np.float64)
    whole = cv2.cvtColor(moved[y1:y2, x1:x2], cv2.COLOR_BGR2GRAY).astype(np.float64)
    cell = (BOX[2] - BOX[0]) / 8

    def fine(image: np.ndarray) -> float:
        return float((image - cv2.GaussianBlur(image, (0, 0), cell / 2)).std())

    assert fine(part) < 0.3 * fine(whole)


@pytest.mark.parametrize(
    "box",
    [
        (-900.0, -900.0, -800.0, -800.0),
        (600.0, 10.0, 700.0, 100.0),
        (-1e5, -1e5, 1e5, 1e5),
        (50.0, 50.0, 50.0, 50.0),
        (60.0, 60.0, 50.0, 50.0),
        (10.0, 10.0, 12.0, 13.0),
        (0.0, 0.0, 512.0, 512.0),
    ],
)
def test_any_box_will_do(portrait, box):
    out = cover(portrait, [box])
    assert out.shape == portrait.shape
    assert out is not portrait


def test_regions_are_covered_as_faces_are(portrait):
    assert (anonymize(frame(portrait)).image == portrait).all()
    by_face = anonymize(frame(portrait, BOX)).image
    assert (anonymize(frame(portrait, regions=(BOX,))).image == by_face).all()
    assert (anonymize(frame(portrait, BOX, regions=(BOX,))).image == by_face).all()
    two = anonymize(frame(portrait, BOX, regions=((300.0, 300.0, 400.0, 400.0),))).image
    assert (two[320:380, 320:380] != portrait[320:380, 320:380]).any()


def test_all_but_the_picture_stays(portrait):
    base = frame(portrait, BOX)
    out = anonymize(base)
    assert replace(out, image=portrait) == replace(base, image=portrait)
    assert out.to_dict() == base.to_dict()


def test_a_track_that_nobody_sees_is_covered_for_as_long_as_it_may_return():
    tracker = Tracker()
    tracker.update([Face((10.0, 10.0, 50.0, 50.0), 0.9)], 0.0)
    assert tracker.unseen(0.0) == []
    assert len(tracker.update([], 0.2)) == 1  # coasts
    assert len(tracker.unseen(0.2)) == 1
    assert tracker.update([], 0.8) == []  # reported no more, but perhaps still there
    assert tracker.unseen(0.8) == [(10.0, 10.0, 50.0, 50.0)]
    # A cut to another face ends the coasting, not the covering.
    tracker.update([Face((200.0, 200.0, 240.0, 240.0), 0.9)], 0.9)
    assert len(tracker.unseen(0.9)) == 1
    tracker.update([], 2.6)
    assert tracker.unseen(2.6) == [(200.0, 200.0, 240.0, 240.0)]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("side", range(4))
def test_a_box_that_is_no_place_covers_everything(portrait, value, side):
    box = [100.0, 100.0, 200.0, 200.0]
    box[side] = value
    assert (cover(portrait, [tuple(box)]) == cover(portrait, [(0.0, 0.0, 512.0, 512.0)])).all()


def test_too_many_boxes_cover_everything(portrait):
    boxes = [(float(x), float(y), x + 4.0, y + 4.0) for x in range(0, 500, 5) for y in (0, 9, 99)]
    assert (cover(portrait, boxes) == cover(portrait, [(0.0, 0.0, 512.0, 512.0)])).all()
    # Many at one place are no reason.
    inside = [(182.0 + i / 50, 58.0, 270.0, 178.0) for i in range(1000)]
    assert (cover(portrait, inside) == cover(portrait, [BOX])).all()


_sides = st.floats(-100, 700)


@given(st.lists(st.tuples(_sides, _sides, _sides, _sides), max_size=12))
def test_leaving_out_boxes_within_others_uncovers_nothing(rows):
    boxes = [(min(a, c), min(b, d), max(a, c), max(b, d)) for a, b, c, d in rows]
    noise = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)
    boxes = [tuple(v / 4 for v in box) for box in boxes]
    hidden = (cover(noise, boxes) != noise).any(axis=2)
    for box in boxes:
        alone = (cover(noise, [box]) != noise).any(axis=2)
        # A pixel of noise may stay as it is by chance.
        assert (alone & ~hidden).sum() <= 2


def test_what_non_maximum_suppression_drops_is_covered():
    """Two faces side by side, of which only one is kept; and boxes near it."""
    boxes = np.array([[0, 0, 100, 100], [50, 0, 150, 100], [20, 0, 120, 100], [400, 0, 500, 100.0]])
    near, far = _extents(boxes, np.array([0, 3]))
    assert near == (0, 0, 150, 100)
    assert far == (400, 0, 500, 100)
    assert _extents(boxes[[0, 2]], np.array([0])) == [(0, 0, 100, 100)], "in the margin anyway"


@given(
    st.lists(
        st.tuples(st.floats(0, 60), st.floats(0, 60), st.floats(5, 90), st.floats(5, 90)),
        min_size=1,
        max_size=30,
    )
)
def test_no_suppressed_box_reaches_beyond_the_cover(rows):
    boxes = np.array([(x, y, x + w, y + h) for x, y, w, h in rows])
    scores = np.linspace(0.9, 0.3, len(boxes))
    sizes = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)
    kept = np.asarray(cv2.dnn.NMSBoxes(sizes.tolist(), scores.tolist(), 0.2, 0.3)).reshape(-1)
    places = []
    for x1, y1, x2, y2 in _extents(boxes, kept):
        mx, my = MARGIN * (x2 - x1), MARGIN * (y2 - y1)
        places.append((x1 - mx - 1e-6, y1 - my - 1e-6, x2 + mx + 1e-6, y2 + my + 1e-6))
    for x1, y1, x2, y2 in boxes:
        assert any(a <= x1 and b <= y1 and c >= x2 and d >= y2 for a, b, c, d in places)

"""What every face detector keeps to, whoever wrote it."""

import importlib.util
import math

import cv2
import numpy as np
import pytest

from runtime.detectors import regions as parts
from runtime.detectors.factory import open_detector
from runtime.messages import Face
from runtime.pictures.reading import read_picture
from runtime.sources.demo_scene import group_picture
from runtime.vision.boxes import iou_matrix
from runtime.vision.picture import Picture
from tests.conftest import PORTRAIT, SHARED

YUNET = SHARED / "detectors" / "yunet_n_320_320.onnx"
SCRFD = SHARED / "detectors" / "det_500m.onnx"


class Bright:
    """A user's own detector: the bright spots of a picture."""

    def detect(self, picture, regions=None, scale=1.0):
        return parts.search(self._find, picture, regions, scale)

    def _find(self, image, scale):
        small = cv2.resize(image, None, fx=scale, fy=scale) if scale != 1 else image
        bright = (small.max(axis=2) > 250).astype(np.uint8)
        _, _, stats, _ = cv2.connectedComponentsWithStats(bright)
        return sorted(
            (
                Face((x / scale, y / scale, (x + w) / scale, (y + h) / scale), min(1, area / 1e4))
                for x, y, w, h, area in stats[1:].tolist()
                if area >= 16
            ),
            key=lambda face: -face.score,
        )

    def close(self):
        """Holds nothing."""


def spots():
    """A picture with six bright spots of different size."""
    image = np.zeros((400, 600, 3), np.uint8)
    for number in range(6):
        y, x = divmod(number, 3)
        side = 40 + 5 * number
        image[50 + 180 * y :, 50 + 180 * x :][:side, :side] = 255
    return image


@pytest.fixture(
    scope="module",
    params=[
        "centerface",
        pytest.param(
            "yunet",
            marks=pytest.mark.skipif(
                not YUNET.exists(), reason=f"needs {YUNET.name} in ../shared/data/detectors"
            ),
        ),
        pytest.param(
            "scrfd",
            marks=pytest.mark.skipif(
                not SCRFD.exists() or importlib.util.find_spec("insightface") is None,
                reason="needs insightface and its det_500m.onnx, which may not be copied",
            ),
        ),
        "own",
    ],
)
def detector(request):
    """An open detector."""
    made = (
        Bright()
        if request.param == "own"
        else open_detector(
            request.param, {"yunet": str(YUNET), "scrfd": str(SCRFD)}.get(request.param), 640, 0.5
        )
    )
    yield made
    made.close()


@pytest.fixture(scope="module")
def picture(detector):
    """A picture of at least one thing that the detector finds."""
    if isinstance(detector, Bright):
        return Picture(spots())
    return Picture(read_picture(group_picture() or PORTRAIT))


def around(face, margin=0.6):
    x1, y1, x2, y2 = face.box
    more = margin * max(x2 - x1, y2 - y1)
    return x1 - more, y1 - more, x2 + more, y2 + more


def pairs(some, others):
    """(N, M) IoU of two lists of faces."""
    boxes = [np.array([f.box for f in faces]).reshape(-1, 4) for faces in (some, others)]
    return iou_matrix(*boxes)


def test_faces_are_whole_and_best_first(detector, picture):
    faces = detector.detect(picture)
    assert faces
    assert [f.score for f in faces] == sorted((f.score for f in faces), reverse=True)
    for face in faces:
        x1, y1, x2, y2 = face.box
        assert x1 < x2 <= picture.width * 1.1
        assert y1 < y2 <= picture.height * 1.1
        assert 0 < face.score <= 1
        assert face.landmarks is None or face.landmarks.shape == (5, 2)


def test_the_same_picture_gives_the_same_faces(detector, picture):
    assert detector.detect(picture) == detector.detect(picture)


def test_a_smaller_scale_finds_the_large_faces_too(detector, picture):
    whole, reduced = detector.detect(picture), detector.detect(picture, scale=0.75)
    best = max(whole, key=lambda f: f.box[2] - f.box[0])
    assert pairs([best], reduced).max() > 0.5


def test_regions_around_faces_find_the_same_faces(detector, picture):
    whole = detector.detect(picture)
    found = detector.detect(picture, [around(face) for face in whole])
    assert len(found) >= len(whole)
    assert (pairs(whole, found).max(axis=1) > 0.6).all()
    for face in found:
        if face.landmarks is not None:
            nearest = whole[int(pairs(whole, [face]).argmax())]
            off = np.abs(face.landmarks - nearest.landmarks).max()
            assert off < 0.3 * (face.box[2] - face.box[0])


def test_one_region_holds_only_its_faces(detector, picture):
    whole = detector.detect(picture)
    x1, y1, x2, y2 = around(whole[-1])
    for face in detector.detect(picture, [(x1, y1, x2, y2)]):
        centre = (face.box[0] + face.box[2]) / 2, (face.box[1] + face.box[3]) / 2
        assert x1 <= centre[0] <= x2
        assert y1 <= centre[1] <= y2


def test_a_region_that_is_the_whole_picture_is_the_whole_picture(detector, picture):
    whole = detector.detect(picture)
    for region in ((0, 0, picture.width, picture.height), (-9e9, -math.inf, 9e9, math.inf)):
        found = detector.detect(picture, [region])
        assert [f.box for f in found] == [f.box for f in whole]


def test_regions_that_overlap_give_no_doubles(detector, picture):
    whole = detector.detect(picture)
    regions = [around(face, margin) for face in whole for margin in (0.5, 0.7, 0.9)]
    shifted = [(x1 + 9, y1 - 7, x2 + 9, y2 - 7) for x1, y1, x2, y2 in regions]
    found = detector.detect(picture, [*regions, *shifted])
    overlaps = pairs(found, found)
    np.fill_diagonal(overlaps, 0)
    assert overlaps.max(initial=0) < 0.3
    assert (pairs(whole, found).max(axis=1) > 0.5).all()


def test_no_regions_are_no_search(detector, picture):
    assert detector.detect(picture, []) == []


def test_regions_outside_the_picture_hold_nothing(detector, picture):
    width, height = picture.width, picture.height
    outside = [
        (-90, -90, -1, -1),
        (width, 0, width + 50, 50),
        (0, height + 1, 50, height + 90),
        (50, 50, 50, 90),
        (90, 50, 40, 90),
        (math.nan, 0, 50, 50),
    ]
    assert detector.detect(picture, outside) == []


@pytest.mark.parametrize("side", [0.2, 1, 3, 5, 17])
def test_tiny_regions_are_searched_without_harm(detector, picture, side):
    box = (30.4, 30.4, 30.4 + side, 30.4 + side)
    for face in detector.detect(picture, [box]):
        assert np.isfinite(face.box).all()


@pytest.mark.parametrize("shape", [(1, 1, 3), (5, 300, 3), (40, 40), (33, 31, 4)])
def test_any_picture_will_do(detector, shape):
    blank = Picture(np.zeros(shape, np.uint8))
    assert detector.detect(blank) == []
    assert detector.detect(blank, [(0, 0, 20, 20)]) == []


def test_it_can_be_closed(detector):
    """`close` comes when the module ends; it must not be the first to fail."""
    assert callable(detector.close)

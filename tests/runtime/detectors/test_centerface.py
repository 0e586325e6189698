import cv2
import numpy as np
import pytest

from runtime.detectors.factory import open_detector
from runtime.errors import EngineError
from runtime.vision.boxes import iou_matrix
from runtime.vision.picture import Picture

#: The portrait's face, by eye: brow to chin, ear to ear.
TRUTH = np.array([[178.0, 62.0, 272.0, 180.0]])


@pytest.mark.parametrize("size", [256, 320, 640])
def test_finds_the_face_with_its_landmarks(portrait, size):
    (face,) = open_detector(size=size).detect(Picture(portrait))
    assert iou_matrix(np.array([face.box]), TRUTH)[0, 0] > 0.7
    assert face.score > 0.7
    left, right, nose, _, _ = face.landmarks
    assert left[0] < nose[0] < right[0]
    assert left[1] < nose[1]


def test_boxes_follow_the_face(portrait):
    detector = open_detector(size=512)
    (here,) = detector.detect(Picture(portrait))
    moved = np.roll(portrait, (64, 128), axis=(0, 1))
    (there,) = [f for f in detector.detect(Picture(moved)) if f.score > 0.5]
    shift = np.array(there.box) - np.array(here.box)
    np.testing.assert_allclose(shift, [128, 64, 128, 64], atol=6)


@pytest.mark.parametrize("shape", [(1, 1, 3), (5, 700, 3), (33, 31, 3)])
def test_any_size_of_picture(shape):
    assert open_detector(size=320).detect(Picture(np.zeros(shape, np.uint8))) == []


def test_retry_finds_a_face_that_fills_the_picture(portrait):
    large = cv2.resize(portrait[58:178, 182:270], (2000, 2000))
    assert open_detector(size=2000).detect(Picture(large)) == []
    assert open_detector(size=2000, retry=True).detect(Picture(large))


def test_another_network_is_no_detector(tiny_engine):
    with pytest.raises(EngineError, match="not the CenterFace"):
        open_detector(model=str(tiny_engine))

import sys

import cv2
import numpy as np
import pytest

from runtime.detectors.factory import open_detector
from runtime.engines.catalogue import CENTERFACE
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


@pytest.mark.parametrize(
    ("name", "kwargs", "word"),
    [
        ("haar", {}, "--detector must be one of"),
        ("yunet", {}, "face_detection_yunet"),
        ("scrfd", {}, "buffalo_s"),
        ("yunet", {"model": "/nope.onnx"}, "no such file"),
        ("centerface", {"size": 8}, "--detect_size"),
        ("centerface", {"model": "/nope.onnx"}, "no such file"),
    ],
)
def test_wrong_detectors_are_one_clear_error(name, kwargs, word):
    with pytest.raises(EngineError, match=word):
        open_detector(name, **kwargs)


def test_another_network_is_no_detector(tiny_engine):
    with pytest.raises(EngineError, match="not the CenterFace"):
        open_detector(model=str(tiny_engine))


@pytest.mark.parametrize("name", ["yunet", "scrfd"])
def test_other_detectors_refuse_a_file_that_is_none(name, tmp_path):
    if name == "scrfd":
        pytest.importorskip("insightface.model_zoo")
    path = tmp_path / "text.onnx"
    path.write_text("no model")
    with pytest.raises(EngineError, match="not a"):
        open_detector(name, str(path))


def test_yunet_refuses_another_network(tiny_engine):
    with pytest.raises(EngineError, match="not a YuNet"):
        open_detector("yunet", str(tiny_engine))


def test_a_broken_file_never_reaches_opencvs_reader(tmp_path):
    import onnx
    from onnx import TensorProto, helper

    # Weights that are nowhere: in YuNet's own file OpenCV 5.0 divides by zero at them.
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["input", "w"], ["mid"], kernel_shape=[3, 3], group=16),
            helper.make_node("Relu", ["mid"], ["cls_8"]),
        ],
        "g",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 16, 32, 32])],
        [helper.make_tensor_value_info("cls_8", TensorProto.FLOAT, None)],
    )
    path = tmp_path / "broken.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)]), path)
    with pytest.raises(EngineError, match="not a sound ONNX model"):
        open_detector("yunet", str(path))


def test_scrfd_without_insightface_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "insightface.model_zoo", None)
    path = tmp_path / "scrfd.onnx"
    path.write_bytes(CENTERFACE.read_bytes()[:100])
    with pytest.raises(EngineError, match="pip install insightface"):
        open_detector("scrfd", str(path))

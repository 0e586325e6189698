"""Bounds on what detectors give, from the detector to the crop."""

import math

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from runtime import Pipeline
from runtime.detectors.centerface import _CANDIDATES
from runtime.detectors.factory import open_detector
from runtime.detectors.found_faces import MAX_FACES, MAX_REGIONS, find_faces
from runtime.manifest import Preprocess
from runtime.messages import Face
from runtime.tracking.tracker import Tracker
from runtime.vision.picture import Picture
from runtime.vision.preprocess import crop_face, cut_face, face_to_input
from tests.support.fakes import Brain, Pictures
from tests.support.limited import run_limited

IMAGE = np.zeros((48, 64, 3), np.uint8)


class Giving:
    """A detector of a caller's own, which gives what it is told to."""

    def __init__(self, *faces):
        self.faces = faces

    def detect(self, picture, regions=None, scale=1.0):
        return list(self.faces)

    def close(self):
        pass


NUMBERS = st.one_of(st.floats(), st.floats(-200, 200))


@given(
    box=st.tuples(NUMBERS, NUMBERS, NUMBERS, NUMBERS),
    score=NUMBERS,
    marks=st.lists(st.floats(width=32), min_size=10, max_size=10),
    spec=st.builds(
        Preprocess,
        color=st.sampled_from(["gray", "rgb"]),
        margin=st.floats(0.5, 3),
        align=st.sampled_from(["none", "roll"]),
        detail=st.sampled_from([0, 48]),
    ),
)
@settings(max_examples=300)
def test_whatever_a_detector_gives_becomes_an_input_or_nothing(box, score, marks, spec):
    landmarks = np.array(marks, np.float32).reshape(5, 2)
    for face in find_faces(Giving(Face(box, score, landmarks)), Picture(IMAGE)):
        assert all(math.isfinite(v) and abs(v) <= 200 for v in face.box)
        crop = cut_face(IMAGE, face.box, spec, face.landmarks)
        assert max(crop.shape) <= (spec.detail or spec.size)
        assert np.isfinite(face_to_input(crop, spec)).all()


@pytest.mark.parametrize(
    "box",
    [
        (math.nan, 0, 9, 9),
        (0, 0, math.inf, 9),
        (-math.inf, 0, 9, 9),
        (0, 0, 56_448, 56_448),
        (1e300, 0, 1e301, 9),
        (9, 0, 3, 9),
        (5, 5, 5, 9),
        (900, 0, 940, 9),
    ],
)
def test_absurd_boxes_are_dropped_and_the_others_stay(box):
    good = Face((8.0, 8.0, 28.0, 40.0), 0.9)
    assert find_faces(Giving(Face(box, 0.9), good), Picture(IMAGE)) == [good]
    results = list(Pipeline([Pictures(4, fps=12)], Brain(), Giving(Face(box, 0.9), good)))
    assert [len(r.faces) for r in results] == [1] * 4


def test_landmarks_that_no_face_has_are_left_out():
    for marks in (np.full((5, 2), np.nan), np.full((5, 2), 1e9), np.zeros((4, 2))):
        (face,) = find_faces(Giving(Face((8.0, 8, 28, 40), 0.9, marks)), Picture(IMAGE))
        assert face.landmarks is None


def test_the_best_faces_are_read_and_more_are_covered(caplog):
    faces = [Face((i % 60, i % 40, i % 60 + 3.0, i % 40 + 3.0), 0.6 + i * 1e-4) for i in range(900)]
    assert len(find_faces(Giving(*faces), Picture(IMAGE))) == MAX_REGIONS
    brain = Brain()
    results = list(Pipeline([Pictures(6, fps=12)], brain, Giving(*faces)))
    assert len(results) == 6
    for result in results:
        assert 0 < len(result.faces) <= MAX_FACES
        assert min(face.score for face in result.faces) >= faces[-MAX_FACES].score - 1e-9
        assert MAX_FACES < len(result.regions) <= MAX_REGIONS + MAX_FACES
    assert caplog.text.count("the best 100 of each frame are read") == 1


def test_tracks_are_bounded_whatever_comes_and_goes():
    tracker = Tracker()
    rng = np.random.default_rng(0)
    for frame in range(30):
        corners = rng.uniform(0, 10_000, (MAX_FACES, 2)).tolist()
        faces = [Face((x, y, x + 9, y + 9), 0.9) for x, y in corners]
        assert len(tracker.update(faces, frame / 30)) <= MAX_FACES
        assert len(tracker.unseen(frame / 30)) <= MAX_FACES


def hostile_centerface(path, extent, score=0.99, offset=0.0):
    """A model file of CenterFace's shape that says the same of every cell of any picture."""
    values = {"heatmap": (1, score), "size": (2, extent), "offset": (2, offset), "points": (10, 0)}
    nodes = [
        helper.make_node("AveragePool", ["input"], ["small"], kernel_shape=[4, 4], strides=[4, 4]),
        helper.make_node("ReduceMean", ["small", "axes"], ["one"], keepdims=1),
        helper.make_node("Mul", ["one", "nothing"], ["zero"]),
    ]
    weights = [
        numpy_helper.from_array(np.array([1]), "axes"),
        numpy_helper.from_array(np.zeros(1, np.float32), "nothing"),
    ]
    for name, (channels, value) in values.items():
        weights.append(
            numpy_helper.from_array(np.full((1, channels, 1, 1), value, np.float32), f"{name}_c")
        )
        nodes.append(helper.make_node("Add", ["zero", f"{name}_c"], [name]))
    graph = helper.make_graph(
        nodes,
        "hostile",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, "h", "w"])],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, channels, "h", "w"])
            for name, (channels, _) in values.items()
        ],
        weights,
    )
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), path
    )
    return str(path)


@pytest.mark.parametrize(
    ("extent", "offset"),
    [(9.55, 0.0), (1000.0, 0.0), (np.nan, 0.0), (np.inf, 0.0), (1.0, np.inf), (1.0, 1e38)],
)
def test_centerface_made_to_give_absurd_boxes(tmp_path, extent, offset):
    detector = open_detector(
        model=hostile_centerface(tmp_path / "c.onnx", extent, offset=offset), size=64
    )
    for face in find_faces(detector, Picture(IMAGE)):
        assert max(map(abs, face.box)) <= 3 * 64


def test_centerface_made_to_find_faces_everywhere(tmp_path):
    detector = open_detector(model=hostile_centerface(tmp_path / "c.onnx", 0.0), size=1024)
    picture = Picture(np.zeros((1024, 1024, 3), np.uint8))  # 65,536 cells
    assert len(detector.detect(picture)) <= _CANDIDATES
    assert len(find_faces(detector, picture)) == MAX_REGIONS


def test_a_crop_of_any_size_takes_little_memory():
    code = """
import numpy as np
from runtime.manifest import Preprocess
from runtime.vision.preprocess import crop_face, cut_face
image = np.zeros((256, 256, 3), np.uint8)
marks = np.array([[90, 99], [150, 110], [0, 0], [0, 0], [0, 0]], np.float32)
for align in ("none", "roll"):
    spec = Preprocess(align=align)
    for side in (7_000, 56_448, 1e9, 1e15):
        for low in (-side / 2, 0, -side + 50, 200):
            box = (low, low, low + side, low + side)
            assert crop_face(image, box, spec, marks).shape == (1024, 1024, 3)
            assert cut_face(image, box, spec, marks).shape == (112, 112)
"""
    done = run_limited(code, megabytes=1024)
    assert done.returncode == 0, done.stderr


@given(
    x=st.floats(-300, 600),
    y=st.floats(-300, 600),
    wide=st.floats(1, 700),
    high=st.floats(1, 700),
    spec=st.builds(
        Preprocess,
        size=st.sampled_from([48, 112]),
        color=st.sampled_from(["gray", "rgb"]),
        margin=st.floats(0.5, 2),
        align=st.sampled_from(["none", "roll"]),
        detail=st.sampled_from([0, 48, 200]),
    ),
)
@settings(max_examples=100)
def test_a_face_that_waits_in_a_batch_is_the_same_bit_by_bit(portrait, x, y, wide, high, spec):
    box = (x, y, x + wide, y + high)
    marks = np.array([[x, y], [x + wide, y + 0.1 * high], *[[0, 0]] * 3], np.float32)
    direct = face_to_input(crop_face(portrait, box, spec, marks), spec)
    np.testing.assert_array_equal(face_to_input(cut_face(portrait, box, spec, marks), spec), direct)


def test_a_huge_crop_shows_what_a_large_one_shows(portrait):
    spec = Preprocess(detail=48)
    large = portrait.repeat(12, axis=0).repeat(12, axis=1)  # 6,144 pixels
    inputs = [
        face_to_input(cut_face(image, (-40 * k, -40 * k, 480 * k, 480 * k), spec), spec)
        for image, k in ((portrait, 1), (large, 12))
    ]
    assert np.abs(inputs[0] - inputs[1]).mean() < 0.02

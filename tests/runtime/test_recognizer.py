from __future__ import annotations

import os
import pickle
import threading
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from runtime import EmotionRecognizer
from runtime.engines.factory import open_engine
from runtime.errors import EngineError, SourceError, UserError
from runtime.messages import Face
from runtime.vision.zones import Zone, Zones
from tests.conftest import PORTRAIT


class _Watched:
    """An engine or a detector that notes who calls it and when it is closed."""

    def __init__(self, inner):
        self._inner = inner
        self.calls: list[int] = []
        self.closed = 0
        self.inside = 0
        self.most_inside = 0

    @property
    def manifest(self):
        return self._inner.manifest

    def infer(self, batch, *rest):
        self.inside += 1
        self.most_inside = max(self.most_inside, self.inside)
        self.calls.append(len(batch))
        out = self._inner.infer(batch, *rest)
        self.inside -= 1
        return out

    def detect(self, *picture):
        return self._inner.detect(*picture)

    def close(self):
        self.closed += 1
        self._inner.close()


@pytest.fixture(scope="module")
def recognizer(tiny_engine):
    with EmotionRecognizer(tiny_engine) as opened:
        yield opened


def _seen(result):
    return [(face.box, face.emotion, face.confidence) for face in result.faces]


def test_a_path_and_its_array_give_the_same_faces(recognizer, portrait):
    by_path = recognizer.predict(PORTRAIT)
    assert len(by_path.faces) == 1
    assert by_path.name == str(PORTRAIT)
    assert by_path.stream is None
    by_text = recognizer.predict(str(PORTRAIT))
    assert _seen(by_text) == _seen(by_path)
    by_array = recognizer.predict(portrait)
    assert by_array.image is portrait
    assert by_array.name == ""
    assert _seen(by_array) == _seen(by_path)
    assert list(by_array.faces[0].probabilities) == list(recognizer.labels)
    assert sum(by_array.faces[0].probabilities.values()) == pytest.approx(1)


def test_every_form_of_an_array_gives_the_same_faces(recognizer, portrait):
    want = _seen(recognizer.predict(portrait))
    for form in (
        cv2.cvtColor(portrait, cv2.COLOR_BGR2BGRA),
        portrait.astype(np.uint16) * 257,
        portrait.astype(np.float32) / 255,
        portrait / 255,
    ):
        assert _seen(recognizer.predict(form)) == want
    grey = recognizer.predict(cv2.cvtColor(portrait, cv2.COLOR_BGR2GRAY))
    assert len(grey.faces) == 1


def test_what_is_no_picture(recognizer, tmp_path):
    with pytest.raises(TypeError, match="reading it failed"):
        recognizer.predict(cv2.imread(str(tmp_path / "none.jpg")))
    with pytest.raises(SourceError, match=r"none\.jpg"):
        recognizer.predict(tmp_path / "none.jpg")
    (tmp_path / "text.jpg").write_text("no picture")
    with pytest.raises(SourceError, match=r"text\.jpg"):
        recognizer.predict(tmp_path / "text.jpg")


def test_the_smallest_pictures_pass(recognizer):
    for shape in ((1, 1), (1, 300), (300, 1)):
        assert recognizer.predict(np.zeros(shape, np.uint8)).image.shape == (*shape, 3)


def test_several_pictures_share_batches(tiny_engine, portrait):
    engine = _Watched(open_engine(tiny_engine))
    with EmotionRecognizer(engine) as recognizer:
        one = _seen(recognizer.predict(portrait))
        small = cv2.resize(portrait, (256, 256))
        engine.calls.clear()
        many = list(recognizer.predict_many([portrait, PORTRAIT, small, np.zeros((9, 9))]))
        assert engine.calls == [3]
    assert [len(result.faces) for result in many] == [1, 1, 1, 0]
    assert many[1].name == str(PORTRAIT)
    for result in many[:2]:
        ((box, emotion, confidence),) = _seen(result)
        assert (box, emotion) == one[0][:2]
        assert confidence == pytest.approx(one[0][2], abs=1e-5)
    engine._inner.close()


def test_any_number_of_pictures_is_read_a_few_at_a_time(recognizer, portrait):
    taken = 0

    def pictures():
        nonlocal taken
        while True:
            taken += 1
            yield portrait[::8, ::8]

    results = recognizer.predict_many(pictures())
    next(results)
    assert taken <= 8
    assert list(recognizer.predict_many([])) == []


@pytest.mark.parametrize("one", [str(PORTRAIT), PORTRAIT, np.zeros((4, 4, 3), np.uint8)])
def test_one_picture_is_not_several(recognizer, one):
    with pytest.raises(TypeError, match="predict takes one"):
        recognizer.predict_many(one)


def test_face_crops_are_whole_pictures(tiny_engine, face):
    with EmotionRecognizer(tiny_engine, face_crops=True) as recognizer:
        (found,) = recognizer.predict(face).faces
        height, width = face.shape[:2]
        assert found.box == (0, 0, width, height)
        grey = cv2.cvtColor(face, cv2.COLOR_BGR2GRAY)
        assert len(recognizer.predict(grey).faces) == 1


def test_uncertain_is_what_lies_below_the_limit(tiny_engine, portrait):
    for limit, uncertain in ((0.0, False), (1.0, True)):
        with EmotionRecognizer(tiny_engine, min_confidence=limit) as recognizer:
            assert recognizer.predict(portrait).faces[0].uncertain is uncertain


def test_threads_take_turns(tiny_engine, portrait):
    engine, results = _Watched(open_engine(tiny_engine)), []
    with EmotionRecognizer(engine, threads=1) as recognizer:
        threads = [
            threading.Thread(target=lambda: results.append(_seen(recognizer.predict(portrait))))
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(results) == 4
    assert all(result == results[0] for result in results)
    assert engine.most_inside == 1
    engine._inner.close()


def test_what_it_opened_is_closed_and_what_it_was_given_is_not(tiny_engine, portrait, monkeypatch):
    from runtime import recognizer as module

    opened: list[_Watched] = []
    for name in ("open_engine", "open_detector"):
        real = getattr(module, name)

        def watch(*args, real=real, **options):
            opened.append(_Watched(real(*args, **options)))
            return opened[-1]

        monkeypatch.setattr(module, name, watch)
    own = EmotionRecognizer(tiny_engine)
    own.predict(portrait)
    own.close()
    own.close()
    assert [each.closed for each in opened] == [1, 1]
    with pytest.raises(RuntimeError, match="closed"):
        own.predict(portrait)
    # A detector that can't be opened doesn't leave the engine behind.
    with pytest.raises(EngineError, match="--detector"):
        EmotionRecognizer(tiny_engine, detector="nobody")
    assert opened[-1].closed == 1
    given = _Watched(open_engine(tiny_engine))
    with EmotionRecognizer(given, face_crops=True) as recognizer:
        recognizer.predict(portrait)
    assert given.closed == 0
    given.close()


def test_a_detector_of_the_callers_own(tiny_engine, portrait):
    class Middle:
        def detect(self, picture, *_, **__):
            return [Face((100.0, 100.0, 200.0, 200.0), 0.9)]

        def close(self):
            raise AssertionError("it is the caller's")

    with EmotionRecognizer(tiny_engine, detector=Middle()) as recognizer:
        assert [face.box for face in recognizer.predict(portrait).faces] == [(100, 100, 200, 200)]


def test_a_wrong_engine_is_said_so():
    with pytest.raises(EngineError, match="no such file"):
        EmotionRecognizer(Path("/nope.onnx"))


def test_own_boxes_pass_the_detector_over(recognizer, portrait):
    found = recognizer.predict(portrait).faces[0]
    given = [(0, 0, 60, 60), found.box, found.box]
    result = recognizer.predict(portrait, boxes=given)
    assert [face.box for face in result.faces] == [tuple(map(float, box)) for box in given]
    assert recognizer.predict(portrait, boxes=np.array(given)).faces == result.faces
    assert recognizer.predict(portrait, boxes=[]).faces == ()


@pytest.mark.parametrize(
    ("box", "error", "says"),
    [
        ((5, 5, 1, 9), ValueError, "before its lower right"),
        ((5, 5, 9, float("nan")), ValueError, "before its lower right"),
        ((9000, 0, 9010, 10), ValueError, "outside of the picture"),
        ((5.1, 5.1, 5.4, 5.4), ValueError, "less than a pixel"),
        ((-20, -20, 0.5, 50), ValueError, "less than a pixel"),
        ((1, 2, 3), TypeError, "four numbers"),
        (7, TypeError, "four numbers"),
        ("abcd", TypeError, "four numbers"),
    ],
)
def test_a_wrong_box_is_named(recognizer, portrait, box, error, says):
    with pytest.raises(error, match=rf"boxes\[1\].*{says}"):
        recognizer.predict(portrait, boxes=[(0, 0, 9, 9), box])


def test_arrays_of_any_layout_and_paths_of_bytes(recognizer, portrait):
    want = _seen(recognizer.predict(portrait))
    frozen = portrait.copy()
    frozen.flags.writeable = False
    wide = np.zeros((*portrait.shape[:2], 6), np.uint8)
    wide[:, :, ::2] = portrait
    for form in (frozen, np.asfortranarray(portrait), wide[:, :, ::2], os.fsencode(PORTRAIT)):
        assert _seen(recognizer.predict(form)) == want
    assert len(recognizer.predict(portrait[:, :, :1]).faces) == 1
    for wrong in (portrait.astype(bool), portrait.astype(int), portrait.astype(complex)):
        with pytest.raises(TypeError, match="uint8, uint16 or float"):
            recognizer.predict(wrong)


def test_several_as_an_array_or_a_generator(recognizer, portrait):
    stack = np.stack([portrait, portrait])
    assert [len(result.faces) for result in recognizer.predict_many(stack)] == [1, 1]
    assert [len(r.faces) for r in recognizer.predict_many(p for p in stack)] == [1, 1]
    for wrong in (None, 3, {"a": portrait}, b"a.jpg"):
        with pytest.raises(TypeError, match="predict_many takes"):
            recognizer.predict_many(wrong)


def test_faces_too_small_or_out_of_the_zones_are_left_out(tiny_engine, portrait):
    x1, y1, x2, y2 = EmotionRecognizer(tiny_engine).predict(portrait).faces[0].box
    side = min(x2 - x1, y2 - y1)
    for min_face, count in ((side - 1, 1), (side + 1, 0)):
        with EmotionRecognizer(tiny_engine, min_face=min_face) as recognizer:
            assert len(recognizer.predict(portrait).faces) == count
    right = Zone("right", [(0.9, 0), (1, 0), (1, 1), (0.9, 1)])
    for kind, zone in (("include", None), ("exclude", ""), ("name", "")):
        zones = Zones((replace(right, kind=kind),))
        with EmotionRecognizer(tiny_engine, zones=zones) as recognizer:
            shown = [face.zone for face in recognizer.predict(portrait).faces]
            assert shown == ([] if zone is None else [zone])


def test_features_come_with_the_shipped_models(portrait):
    rows = []
    for engine in ("main", "fast"):
        with EmotionRecognizer(engine, embeddings=True) as recognizer:
            (face,) = recognizer.predict(portrait).faces
        assert face.embedding.shape == (256,)
        assert face.embedding.dtype == np.float32
        assert face.to_dict()["embedding"] == [round(v, 4) for v in face.embedding.tolist()]
        rows.append(face.embedding)
        with EmotionRecognizer(engine) as recognizer:
            (plain,) = recognizer.predict(portrait).faces
        assert plain.embedding is None
        assert "embedding" not in plain.to_dict()
        assert plain.probabilities == face.probabilities
    cosine = rows[0] @ rows[1] / np.linalg.norm(rows[0]) / np.linalg.norm(rows[1])
    assert cosine > 0.9


def test_an_engine_without_features_is_refused(tiny_engine):
    with pytest.raises(EngineError, match="no output 'embedding'"):
        EmotionRecognizer(tiny_engine, embeddings=True)


def test_no_engine_or_detector_is_a_type_error():
    with pytest.raises(TypeError, match="engine must be"):
        EmotionRecognizer(engine=None)
    with pytest.raises(TypeError, match="detector must be"):
        EmotionRecognizer(detector=None)


def test_it_neither_goes_on_in_a_fork_nor_has_a_copy(tiny_engine, portrait, monkeypatch):
    with EmotionRecognizer(tiny_engine) as recognizer:
        with pytest.raises(TypeError, match="can't be pickled"):
            pickle.dumps(recognizer)
        with monkeypatch.context() as patch:
            patch.setattr("os.getpid", lambda: -1)
            with pytest.raises(RuntimeError, match="made before a fork"):
                recognizer.predict(portrait)
            recognizer.close()
        assert len(recognizer.predict(portrait).faces) == 1


def test_the_bytes_of_a_file_are_a_picture(recognizer, portrait):
    data = PORTRAIT.read_bytes()
    want = recognizer.predict(portrait)
    for given in (data, bytearray(data)):
        result = recognizer.predict(given)
        assert _seen(result) == _seen(want)
        assert result.name == ""
    with pytest.raises(SourceError, match=r"^the picture's bytes: .{0,150}$"):
        recognizer.predict(b"no picture\0" * 10_000)


def test_pillow_images_are_read_as_their_files(recognizer, portrait, tmp_path):
    pillow = pytest.importorskip("PIL.Image", reason="needs Pillow (the extra train)")
    rgb = pillow.fromarray(portrait[:, :, ::-1].copy())
    want = recognizer.predict(portrait)
    assert _seen(recognizer.predict(rgb)) == _seen(want)
    for mode in ("L", "RGBA", "CMYK", "P"):
        result = recognizer.predict(rgb.convert(mode))
        assert (result.image.shape, len(result.faces)) == (portrait.shape, len(want.faces))
    exif = pillow.Exif()
    exif[0x112] = 6
    rgb.crop((0, 0, 300, 200)).save(tmp_path / "turned.png", exif=exif)
    path = recognizer.predict(tmp_path / "turned.png").image
    with pillow.open(tmp_path / "turned.png") as image:
        np.testing.assert_array_equal(recognizer.predict(image).image, path)
    assert path.shape == (300, 200, 3)
    (tmp_path / "cut.png").write_bytes((tmp_path / "turned.png").read_bytes()[:500])
    with pillow.open(tmp_path / "cut.png") as image, pytest.raises(SourceError, match="Pillow"):
        recognizer.predict(image)


@pytest.mark.parametrize("name", ["min_score", "min_confidence"])
def test_limits_are_probabilities(tiny_engine, name):
    with pytest.raises(UserError, match=f"{name} must be 0 to 1"):
        EmotionRecognizer(tiny_engine, **{name: 7})

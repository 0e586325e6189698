from __future__ import annotations

import threading
from pathlib import Path

import cv2
import numpy as np
import pytest

from runtime import EmotionRecognizer
from runtime.engines.factory import open_engine
from runtime.errors import EngineError, SourceError
from runtime.messages import Face
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

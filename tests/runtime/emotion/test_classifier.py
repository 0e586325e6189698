"""Faces to probabilities."""

from dataclasses import replace

import numpy as np

from runtime.emotion.classifier import Classifier, softmax
from runtime.engines.factory import open_engine
from runtime.manifest import Manifest
from tests.conftest import TINY


def test_classifier_splits_batches_and_calibrates(make_onnx, face):
    cool = Classifier(open_engine(make_onnx()), max_batch=3)
    warm = Classifier(open_engine(make_onnx("warm.onnx", manifest=replace(TINY, temperature=4.0))))
    faces = [np.roll(face, i, 0) for i in range(7)]
    p, q = cool.classify(faces), warm.classify(faces)
    assert p.shape == (7, 8)
    np.testing.assert_allclose(p.sum(1), 1)
    np.testing.assert_allclose(p[3:4], cool.classify(faces[3:4]), rtol=1e-5)
    assert (p.argmax(1) == q.argmax(1)).all()
    assert (p.max(1) > q.max(1)).all()
    assert cool.classify([]).shape == (0, 8)


def test_softmax_is_stable():
    np.testing.assert_allclose(softmax(np.array([[1e4, 1e4]])), [[0.5, 0.5]])


def test_the_shipped_model_reads_a_smile(face):
    engine = open_engine()
    classifier = Classifier(engine)
    p = classifier.classify([face])[0]
    assert classifier.labels[int(p.argmax())] == "happiness"
    assert engine.manifest.metrics["valid"]["n"] == 3139
    assert isinstance(engine.manifest, Manifest)

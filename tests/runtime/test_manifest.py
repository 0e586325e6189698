import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.errors import ManifestError
from runtime.manifest import EMOTIONS, Manifest, Preprocess, sidecar_path
from tests.conftest import TINY

_subsets = st.lists(st.sampled_from(EMOTIONS), min_size=2, unique=True).map(
    lambda names: tuple(label for label in EMOTIONS if label in names)
)


@given(
    labels=_subsets,
    size=st.integers(16, 1024),
    temperature=st.floats(0.01, 100),
    margin=st.floats(0.5, 3),
    color=st.sampled_from(["gray", "rgb"]),
)
def test_survives_json(labels, size, temperature, margin, color):
    manifest = Manifest(
        labels=labels,
        preprocess=Preprocess(size=size, margin=margin, color=color),
        temperature=temperature,
        metrics={"valid": {"n": 3, "accuracy": 0.5}},
    )
    assert Manifest.from_json(manifest.to_json()) == manifest


def test_canonical_order_is_ferplus_order():
    assert EMOTIONS[0] == "neutral"
    assert EMOTIONS[-1] == "contempt"


@pytest.mark.parametrize(
    ("labels", "word"),
    [
        (("anger", "neutral"), "canonical order"),  # HSEmotion's order: the classic mix-up
        (("neutral", "joy"), "unknown label 'joy'"),
        (("neutral", "neutral"), "canonical order"),
        (("neutral",), "at least two"),
    ],
)
def test_refuses_other_label_sets(labels, word):
    with pytest.raises(ManifestError, match=word):
        Manifest(labels=labels)


@pytest.mark.parametrize(
    "change",
    [
        {"size": 8},
        {"size": 112.5},
        {"size": True},
        {"color": "bgr"},
        {"std": (0.5, 0.0, 0.5)},
        {"mean": (0.5, 0.5)},
        {"margin": 9},
        {"align": "eyes"},
        {"detail": -1},
        {"shift": 2.0},
    ],
)
def test_refuses_bad_preprocessing(change):
    with pytest.raises(ManifestError, match="preprocess"):
        Preprocess(**change)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "not json",
        json.dumps({"schema": 99}),
        json.dumps({"schema": 1}),
        json.dumps({"schema": 1, "labels": "neutral", "preprocess": {}}),
        json.dumps({"schema": 1, "labels": list(EMOTIONS), "preprocess": {"sise": 3}}),
        json.dumps({"schema": 1, "labels": list(EMOTIONS), "preprocess": {}, "colour": 1}),
        json.dumps({"schema": 1, "labels": list(EMOTIONS), "preprocess": {"size": "big"}}),
        json.dumps({"schema": 1, "labels": list(EMOTIONS), "preprocess": {}, "temperature": 0}),
    ],
)
def test_malformed_text_is_one_clear_error(text):
    with pytest.raises(ManifestError, match="here"):
        Manifest.from_json(text, "here")


@given(st.text())
def test_any_text_is_read_or_refused(text):
    try:
        Manifest.from_json(text)
    except ManifestError:
        pass


def test_sidecar_belongs_to_its_file(tmp_path):
    artifact = tmp_path / "emotion.onnx"
    artifact.write_bytes(b"weights")
    assert Manifest.load_sidecar(artifact) is None
    assert TINY.save(artifact) == sidecar_path(artifact) == tmp_path / "emotion.json"
    loaded = Manifest.load_sidecar(artifact)
    assert loaded is not None
    assert replace(loaded, sha256=None) == TINY
    artifact.write_bytes(b"others")
    with pytest.raises(ManifestError, match="another file"):
        Manifest.load_sidecar(artifact)


def test_a_plan_and_the_onnx_file_it_came_from_have_sidecars_of_their_own(tmp_path):
    onnx, plan = tmp_path / "emotion.fp16.onnx", tmp_path / "emotion.fp16.plan"
    assert sidecar_path(onnx) == tmp_path / "emotion.fp16.json"
    assert sidecar_path(plan) == tmp_path / "emotion.fp16.plan.json"

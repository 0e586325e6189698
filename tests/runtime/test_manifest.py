import copy
import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.errors import ManifestError
from runtime.manifest import EMOTIONS, Manifest, Preprocess
from runtime.manifest_fields import MAX_TEXT
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


GOOD = json.loads(
    replace(
        TINY,
        metrics={"valid": {"n": 3}},
        plan={"library": "tensorrt", "version": "10", "compute_capability": ["8.7"]},
    ).to_json()
)

#: Every place of a manifest: its keys, those of its objects, and the first item of its lists.
PLACES = [
    (*above, key)
    for above, value in [((), GOOD), *(((k,), v) for k, v in GOOD.items())]
    for key in (value if isinstance(value, dict) else [0] if isinstance(value, list) else [])
]

_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


def changed(place, value):
    data = copy.deepcopy(GOOD)
    inner = data
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    return json.dumps(data)


@given(place=st.sampled_from(PLACES), value=_json)
@settings(max_examples=500)
def test_any_value_anywhere_is_read_or_refused_in_a_line(place, value):
    refused = ""
    try:
        manifest = Manifest.from_json(changed(place, value), "here")
    except ManifestError as error:
        refused = str(error)
    assert "\n" not in refused
    assert len(refused) < 500
    if refused:
        return
    # What is let through can be shown, hashed and written again.
    assert Manifest.from_json(manifest.to_json()) == manifest
    manifest.to_json().encode()


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("schema",), True),
        (("schema",), 1.0),
        (("labels",), [1, 2]),
        (("labels",), [["neutral"], {}]),
        (("labels",), ["neutral"] * 50_000),
        (("preprocess",), [1]),
        (("preprocess", "mean"), [float("nan")] * 3),
        (("preprocess", "mean"), [float("inf")] * 3),
        (("preprocess", "mean"), ["a", "b", "c"]),
        (("preprocess", "mean"), [10**400] * 3),
        (("preprocess", "mean"), 3),
        (("preprocess", "std"), [1e-300] * 3),
        (("preprocess", "detail"), 10**12),
        (("temperature",), float("nan")),
        (("precision",), "x" * 100_000),
        (("sha256",), 3),
        (("model",), None),
        (("metrics",), 3),
        (("proof",), "x"),
        (("quantization",), [1]),
        (("plan",), [1]),
        (("plan", "library"), ["tensorrt"]),
        (("plan", "version"), 10.3),
        (("plan", "compute_capability"), [8.7]),
        (("plan", "compute_capability"), {"8.7": 1}),
        (("metrics",), {"\ud800": 1}),
        (("metrics",), {"a": float("-inf")}),
    ],
)
def test_values_that_were_let_through_or_ended_in_a_traceback(place, value):
    with pytest.raises(ManifestError, match="here") as error:
        Manifest.from_json(changed(place, value), "here")
    assert len(str(error.value)) < 500


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ('{"schema":1,"a":' + "[" * 100_000 + "]" * 100_000 + "}", "deeply"),
        ('{"schema":1,"a":' + "[" * 40 + "]" * 40 + "}", "deeply"),
        ('{"schema":1,"schema":1}', "'schema' twice"),
        ('{"schema":' + "9" * 5000 + "}", "too large"),
        ('{"schema":1e400}', "too large"),
        ('{"a":"' + "x" * MAX_TEXT + '"}', "too large"),
    ],
)
def test_texts_that_are_no_manifest_of_any_model(text, word):
    with pytest.raises(ManifestError, match=word):
        Manifest.from_json(text, "here")

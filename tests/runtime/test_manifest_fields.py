"""Named outputs of a manifest."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from runtime.errors import ManifestError
from runtime.manifest import EMOTIONS, Manifest
from runtime.manifest_fields import Output
from tests.conftest import REPO, TINY

EMBEDDING = Output("embedding", (3,))


def changed(**outputs: Any) -> str:
    data = json.loads(replace(TINY, outputs={"embedding": EMBEDDING}).to_json())
    data["outputs"] |= outputs
    return json.dumps(data)


def test_a_manifest_without_the_key_has_logits_alone() -> None:
    text = (REPO / "runtime" / "models" / "emotion.json").read_text(encoding="utf-8")
    data = json.loads(text)
    assert set(data.pop("outputs")) == {"embedding", "logits"}
    outputs = Manifest.from_json(json.dumps(data)).outputs
    assert outputs == {"logits": Output("logits", (8,), EMOTIONS)}


def test_outputs_are_written_and_read_again() -> None:
    valence = Output("regression", (1,), ("valence",), "1")
    manifest = replace(TINY, outputs={"embedding": EMBEDDING, "valence": valence})
    assert Manifest.from_json(manifest.to_json()) == manifest
    assert list(manifest.outputs) == ["embedding", "valence", "logits"]


def test_logits_follow_from_the_labels() -> None:
    fewer = replace(TINY, labels=EMOTIONS[:7])
    assert fewer.outputs["logits"].labels == EMOTIONS[:7]
    assert fewer.outputs["logits"].shape == (7,)


@pytest.mark.parametrize(
    ("outputs", "word"),
    [
        ({"logits": {"kind": "logits", "shape": [7], "labels": list(EMOTIONS[:7])}}, "contradicts"),
        ({"x": 3}, "object of outputs"),
        ({"x": {"kind": "x", "shape": 3}}, "outputs.shape must be a list"),
        ({"x": {"kind": "x", "shape": [0]}}, "whole numbers from 1"),
        ({"x": {"kind": "x", "shape": [True]}}, "whole numbers from 1"),
        ({"x": {"kind": "x", "shape": [1 << 15, 1 << 15]}}, "at the most"),
        ({"x": {"kind": 3, "shape": [3]}}, "outputs.kind must be short text"),
        ({"x": {"kind": "x", "shape": [3], "labels": "abc"}}, "outputs.labels must be a list"),
        ({"x": {"kind": "x", "shape": [3], "labels": [1]}}, "short texts"),
        ({"x": {"kind": "x", "shape": [3], "unit": "m" * 65}}, "outputs.unit"),
        ({"x": {"kind": "x", "shape": [3], "colour": 1}}, "unknown key 'colour'"),
        ({"x" * 65: {"kind": "x", "shape": [3]}}, "short names"),
        ({f"x{i}": {"kind": "x", "shape": [3]} for i in range(20)}, "16 outputs at the most"),
    ],
)
def test_outputs_that_make_no_sense_are_one_line(outputs: dict[str, Any], word: str) -> None:
    with pytest.raises(ManifestError, match=word) as error:
        Manifest.from_json(changed(**outputs), "here")
    assert str(error.value).startswith("here: ")
    assert len(str(error.value)) < 500
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("outputs", [3, [], "x", None])
def test_outputs_must_be_an_object(outputs: object) -> None:
    data = json.loads(TINY.to_json()) | {"outputs": outputs}
    with pytest.raises(ManifestError, match="outputs must be an object"):
        Manifest.from_json(json.dumps(data), "here")


def test_a_training_hash_is_the_same_for_every_artifact_of_a_checkpoint() -> None:
    plan = replace(TINY, precision="fp16", proof={"n": 3}, plan={"library": "tensorrt"})
    assert plan.training_hash() == TINY.training_hash()
    assert Manifest.from_json(plan.to_json()).training_hash() == TINY.training_hash()
    assert replace(TINY, temperature=2.0).training_hash() != TINY.training_hash()

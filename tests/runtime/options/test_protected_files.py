"""What a run reads, so that no output takes its place."""

from __future__ import annotations

from pathlib import Path

from runtime.engines.catalogue import CENTERFACE, SHIPPED, SHIPPED_HEAD
from runtime.manifest import sidecar_path
from runtime.options.protected_files import model_files, protected_files


def test_a_plan_is_read_with_its_manifest_and_with_what_it_is_built_from():
    plan, onnx = Path("m/a.plan"), Path("m/a.onnx")
    assert model_files(plan) == [plan, sidecar_path(plan), onnx, sidecar_path(onnx)]
    assert model_files(onnx) == [onnx, sidecar_path(onnx)]


def test_shipped_models_are_always_protected():
    files = protected_files("mine.onnx", "cpu", "none", "nose.onnx", ["c.yaml", None])
    assert {*SHIPPED.values(), Path("mine.onnx"), Path("nose.onnx"), Path("c.yaml")} <= {*files}
    assert CENTERFACE not in files
    assert SHIPPED_HEAD not in files
    assert None not in files


def test_words_stand_for_the_shipped_head_and_a_name_for_its_file():
    for word in ("auto", "default"):
        assert SHIPPED_HEAD in protected_files("default", "cpu", word, None)
        assert Path(word) not in protected_files("default", "cpu", word, None)
    assert Path("h.onnx") in protected_files("default", "cpu", "h.onnx", None)
    assert CENTERFACE in protected_files("default", "cpu", "none", None)

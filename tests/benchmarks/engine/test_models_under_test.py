"""Models that can be compared are opened; the others say why they are left out."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.engine.models_under_test import open_models
from runtime.errors import UserError
from runtime.manifest import Preprocess
from tests.conftest import TINY


def test_another_input_is_left_out(tiny_engine: Path, make_onnx: Callable[..., Path]) -> None:
    other = make_onnx(manifest=replace(TINY, preprocess=Preprocess(size=48)), size=48)
    with ExitStack() as stack:
        names = [str(tiny_engine), str(other), "/nope.onnx"]
        (model,), failed = open_models(names, "cpu", 1, "fp32", stack)
    assert model.artifact.engine == tiny_engine.name
    assert (model.timed, model.torch_precision) == (None, None)
    assert [row.engine for row in failed] == [other.name, "nope.onnx"]
    assert "the same batch can't go through both" in failed[0].error


def test_none_at_all_is_an_error() -> None:
    with ExitStack() as stack, pytest.raises(UserError, match="^nothing could be measured: "):
        open_models(["/nope.onnx"], "cpu", 1, "fp32", stack)

"""A report says what it was measured on, and which file a model was."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.harness.provenance import artifact, describe, this_machine
from runtime.engines.catalogue import model_path


def test_this_machine() -> None:
    machine = this_machine()
    assert machine.cores == len(os.sched_getaffinity(0))
    assert machine.numpy == np.__version__
    line = describe(machine)
    assert line.startswith(f"{machine.cpu}, {machine.cores} cores")
    assert f"Python {machine.python}" in line
    assert "GPU" not in describe(replace(machine, gpu=None))
    assert "GPU Abacus" in describe(replace(machine, gpu="Abacus"))


def test_a_model_is_the_same_file_by_its_name_and_its_path() -> None:
    path = model_path("main", "cpu")
    by_name, by_path = artifact("main"), artifact(str(path))
    assert by_name.sha256 == by_path.sha256
    assert (by_name.engine, by_path.engine) == ("main", path.name)
    assert by_name.megabytes == round(path.stat().st_size / 1e6, 2)


def test_what_is_no_file_has_no_hash(tmp_path: Path) -> None:
    found = artifact(str(tmp_path / "none.onnx"))
    assert (found.engine, found.sha256, found.megabytes) == ("none.onnx", None, None)

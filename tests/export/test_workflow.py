"""The workflow for CI: its commands are the product's, and they work on the shipped model."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
import yaml

from export.__main__ import PROG, ExportOptions, main
from runtime.engines.sidecar import read_sidecar
from runtime.support.cli import parse_options
from tests.conftest import REPO

WORKFLOW = REPO / ".github" / "workflows" / "export.yml"


def _flags() -> list[str]:
    """What the workflow gives to `python -m export`."""
    job = yaml.safe_load(WORKFLOW.read_text())["jobs"]["export"]
    runs = [step.get("run", "").removeprefix(".venv/bin/") for step in job["steps"]]
    (command,) = [run for run in runs if run.startswith(PROG)]
    return shlex.split(command)[len(PROG.split()) :]


def test_it_names_files_that_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPO)
    options = parse_options(ExportOptions, PROG, _flags())
    assert options.ranges is not None
    assert Path(options.ranges).is_file()
    assert Path(options.checkpoint).is_file()
    assert (options.precision, options.plan) == ("fp32,fp16,int8", True)


@pytest.mark.slow
def test_the_shipped_model_passes_in_every_precision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("tensorrt_rtx", reason="tensorrt-rtx is for x86-64 alone")
    monkeypatch.chdir(REPO)
    assert main([*_flags(), "--output_dir", str(tmp_path)]) == 0
    made = {path.name for path in tmp_path.iterdir() if path.suffix != ".json"}
    assert made == {
        *("emotion.onnx", "emotion.fp16.onnx", "emotion.int8.onnx", "emotion.int8_cpu.onnx"),
        *("emotion.plan", "emotion.fp16.plan", "emotion.int8.plan"),
    }
    for name in made:
        manifest = read_sidecar(tmp_path / name)
        assert manifest is not None
        assert bool(manifest.plan) == name.endswith(".plan")
        assert bool(manifest.quantization) == ("int8" in name)

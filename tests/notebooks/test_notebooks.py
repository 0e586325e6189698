"""The notebooks are valid, name what exists, and the one for every machine runs to its end."""

from __future__ import annotations

import ast
import base64
import dataclasses
import sys
from pathlib import Path

import cv2
import nbformat
import numpy as np
import pytest
from IPython.core.inputtransformer2 import TransformerManager
from nbclient import NotebookClient

from calibration.temperature import TemperatureOptions
from export.__main__ import ExportOptions
from runtime.support.cli import parse_options
from tests.conftest import REPO
from train.checkpoint import read_manifest
from train.evaluate.options import EvaluateOptions
from train.explain.command import ExplainOptions
from train.fit.options import FitOptions

NOTEBOOKS = sorted((REPO / "notebooks").glob("*.ipynb"))
FULL, COLAB = "full_pipeline.ipynb", "colab_training.ipynb"
OPTIONS = {
    cls.__name__: cls
    for cls in (FitOptions, TemperatureOptions, EvaluateOptions, ExplainOptions, ExportOptions)
}


def _read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


def _trees(path: Path) -> list[ast.Module]:
    """Each code cell as Python sees it, magics and shell commands turned into calls."""
    cells = [cell.source for cell in _read(path).cells if cell.cell_type == "code"]
    return [ast.parse(TransformerManager().transform_cell(source)) for source in cells]


def _calls(path: Path) -> list[ast.Call]:
    return [n for tree in _trees(path) for n in ast.walk(tree) if isinstance(n, ast.Call)]


def test_both_notebooks_are_there() -> None:
    assert [path.name for path in NOTEBOOKS] == sorted([FULL, COLAB])


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_is_valid_and_committed_without_outputs(path: Path) -> None:
    book = _read(path)
    nbformat.validate(book)
    assert all(not c.outputs and c.execution_count is None for c in book.cells if "outputs" in c)
    assert book.cells[0].cell_type == "markdown"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_every_option_that_a_notebook_names_exists(path: Path) -> None:
    named = 0
    for call in _calls(path):
        cls = OPTIONS.get(call.func.id) if isinstance(call.func, ast.Name) else None
        if cls is None:
            continue
        given = {keyword.arg for keyword in call.keywords}
        fields = {f.name: f for f in dataclasses.fields(cls)}
        assert given <= set(fields), cls.__name__
        required = {
            name
            for name, f in fields.items()
            if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
        }
        assert required <= given, cls.__name__
        named += 1
    assert named >= 4


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_every_name_that_a_notebook_imports_from_here_exists(path: Path) -> None:
    for tree in _trees(path):
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                package = node.module.split(".")[0]
                if (REPO / package).is_dir():
                    module = __import__(node.module, fromlist=["_"])
                    assert all(hasattr(module, alias.name) for alias in node.names)


@pytest.mark.parametrize("recipe", ["main", "rafdb", "affectnet", "finetune"])
def test_the_colab_flags_parse_with_every_recipe_it_names(
    recipe: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(REPO)
    (call,) = (
        c
        for c in _calls(REPO / "notebooks" / COLAB)
        if isinstance(c.func, ast.Name) and c.func.id == "parse_options"
    )
    names = {"RECIPE": recipe, "DATA_DIR": "d", "DATASET": "ferplus", "DRIVE": "e"}
    names |= {"CHECKPOINTS": Path("c"), "str": str}
    flags = eval(compile(ast.Expression(call.args[2]), COLAB, "eval"), names)
    options = parse_options(FitOptions, "colab", flags)
    assert (options.data_dir, options.accelerator, options.resume) == ("d", "gpu", False)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_full_pipeline_runs_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    settings = {"BACKBONE": "test_resnet", "IMAGE_SIZE": "32", "EPOCHS": "2", "LIMIT": "16"}
    settings |= {"DATA_DIR": "", "OUTPUT_DIR": str(out)}
    settings |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    # A kernel of the user's own must not stand in for this environment's.
    settings |= {"JUPYTER_PREFER_ENV_PATH": "1", "IPYTHONDIR": str(tmp_path / "ipython")}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    book = _read(REPO / "notebooks" / FULL)
    book.cells.append(nbformat.v4.new_code_cell("import sys; print(sys.executable)"))
    client = NotebookClient(
        book, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(REPO)}}
    )
    client.execute()
    assert book.cells[-1].outputs[0].text.strip() == sys.executable
    # What a reader sees: faces, the explained portrait, the annotated frame.
    pictures = [
        _decode(output.data["image/png"])
        for cell in book.cells
        for output in cell.get("outputs", ())
        if "image/png" in output.get("data", {})
    ]
    assert [picture.shape for picture in pictures] == [
        (96, 8 * 96, 3),
        (320, 1040, 3),
        (480, 640, 3),
    ]
    # What it leaves: a calibrated checkpoint and the engine made of it.
    manifest = read_manifest(out / "checkpoints" / "best.safetensors")
    assert manifest.labels == ("neutral", "happiness")
    assert manifest.metrics["calibration"]["n"] == 16
    assert (out / "emotion.onnx").is_file()
    assert any((out / "evaluation").iterdir())


def _decode(data: str) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR)

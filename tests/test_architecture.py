"""Who may import whom, and how large a module and a folder may grow."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.conftest import REPO

#: Each package, with those of ours that it may import besides itself.
MAY_IMPORT = {
    "runtime": set(),
    "emotion_edge": {"runtime"},
    "train": {"runtime"},
    "calibration": {"train", "runtime"},
    "export": {"calibration", "train", "runtime"},
    "benchmarks": {"export", "calibration", "train", "runtime", "emotion_edge"},
}

#: What the runtime may import of others: its needs, and what brings an option.
DEPENDENCIES = {"av", "cv2", "numpy", "onnxruntime", "prometheus_client", "sdl2", "yaml"}
OPTIONAL = {"cuda", "insightface", "paho", "pillow_heif", "tensorrt", "tensorrt_rtx"}
#: What only a type checker imports, and brings.
TYPING = {"typing_extensions"}

MOST_LINES = 300
MOST_MODULES = 13

#: Scripts that the peers' own environments run: they import each other by file name.
_ADAPTERS = "benchmarks/peers/adapters"


def _files() -> list[Path]:
    return sorted(
        path.relative_to(REPO) for package in MAY_IMPORT for path in (REPO / package).rglob("*.py")
    )


def _name(file: Path) -> str:
    parts = file.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {_name(file): file for file in _files()}


def imported(source: str, modules: set[str]) -> Iterator[str]:
    """Every module that a source imports: deferred, for type checkers alone or by its name too.

    Args:
        source: Python.
        modules: Ours. Of `from a import b` it is `a.b` where that is one of them, else `a`.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports name the full module"
            base = node.module or ""
            for alias in node.names:
                full = f"{base}.{alias.name}"
                yield full if full in modules else base
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            function = node.func
            called = getattr(function, "attr", getattr(function, "id", ""))
            if called in ("import_module", "__import__"):
                yield str(node.args[0].value)


IMPORTS = {
    name: set(imported((REPO / file).read_text(encoding="utf-8"), set(FILES)))
    for name, file in FILES.items()
}


def circle(graph: dict[str, set[str]]) -> list[str]:
    """The modules of a circle of imports, from one of them back to itself; none is empty."""
    try:
        TopologicalSorter({n: {t for t in to if t in graph} for n, to in graph.items()}).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_imports_of_every_kind_are_seen() -> None:
    source = (
        "from typing import TYPE_CHECKING\nimport a.b as c\nfrom a import d, e\n"
        "if TYPE_CHECKING:\n    from f.g import H\n"
        "def later():\n    import i\n    importlib.import_module('j.k')\n"
    )
    assert set(imported(source, {"a", "a.d"})) == {"typing", "a.b", "a.d", "a", "f.g", "i", "j.k"}
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}})
    assert circle({"a": {"b", "c"}, "b": {"c"}, "c": {"numpy"}}) == []
    assert "runtime.errors" in IMPORTS["runtime.pipeline.pipeline"]


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_a_package_imports_only_what_it_may(package: str) -> None:
    barred = set(MAY_IMPORT) - MAY_IMPORT[package] - {package} | {"tests"}
    wrong = [
        f"{name} imports {other}"
        for name, others in IMPORTS.items()
        if name.split(".")[0] == package
        for other in sorted(others)
        if other.split(".")[0] in barred
    ]
    assert wrong == []


def test_the_ground_floor_imports_none_of_the_other_rooms() -> None:
    wrong = [
        f"{name} imports {other}"
        for name, others in IMPORTS.items()
        if name.startswith("runtime.support")
        for other in sorted(others)
        if other.split(".")[0] == "runtime"
        and not other.startswith("runtime.support")
        and other != "runtime.errors"
    ]
    assert wrong == []


def test_imports_go_in_no_circle() -> None:
    assert circle(IMPORTS) == []


def test_the_runtime_imports_only_what_it_declares() -> None:
    found = {
        other.split(".")[0]
        for name, others in IMPORTS.items()
        if name.split(".")[0] in ("runtime", "emotion_edge")
        for other in others
    }
    outside = found - set(sys.stdlib_module_names) - set(MAY_IMPORT)
    assert outside <= DEPENDENCIES | OPTIONAL | TYPING
    assert outside >= DEPENDENCIES


def test_modules_are_short() -> None:
    lines = {
        str(file): (REPO / file).read_text(encoding="utf-8").count("\n") for file in FILES.values()
    }
    assert {file: n for file, n in lines.items() if n > MOST_LINES} == {}


def test_no_folder_is_crowded() -> None:
    folders: dict[Path, int] = {}
    for file in FILES.values():
        if not file.stem.startswith("__"):
            folders[file.parent] = folders.get(file.parent, 0) + 1
    assert {str(f): n for f, n in folders.items() if n > MOST_MODULES} == {}


def test_every_folder_is_a_package() -> None:
    """Else `find` in pyproject.toml leaves it out of the wheel without a word."""
    bare = {
        str(file.parent)
        for file in FILES.values()
        if not (REPO / file.parent / "__init__.py").is_file()
    }
    assert bare <= {_ADAPTERS}


_BARE = """
import importlib, pkgutil, sys
class Block:
    names = {names!r}
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in self.names:
            raise ImportError(f"blocked: {{name}}")
sys.meta_path.insert(0, Block())
import runtime, emotion_edge
for package in (runtime, emotion_edge):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        importlib.import_module(module.name)
        print(module.name)
"""


def _python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True, timeout=60
    )


def test_every_module_of_the_device_imports_without_what_it_may_lack() -> None:
    lacking = {"torch", "torchvision", "timm", "onnx", "train", "export", "calibration"}
    done = _python(_BARE.format(names=lacking | OPTIONAL | TYPING | {"benchmarks", "tests"}))
    assert done.returncode == 0, done.stderr
    ours = {name for name in FILES if name.split(".")[0] in ("runtime", "emotion_edge")}
    assert set(done.stdout.split()) == ours - {"runtime", "emotion_edge"}


@pytest.mark.parametrize("package", ["runtime", "emotion_edge"])
def test_importing_the_package_loads_nothing_heavy(package: str) -> None:
    heavy = ("cv2", "numpy", "onnxruntime", "yaml", "av", "prometheus_client")
    done = _python(f"import {package}, sys; print([m for m in {heavy} if m in sys.modules])")
    assert done.stdout.strip() == "[]", done.stderr


@pytest.mark.parametrize("package", ["runtime", "emotion_edge"])
def test_public_names_resolve(package: str) -> None:
    done = _python(f"import {package} as p; print([n for n in p.__all__ if getattr(p, n) is None])")
    assert done.stdout.strip() == "[]", done.stderr


def test_an_unknown_name_is_an_attribute_error() -> None:
    import emotion_edge
    import runtime

    for module in (emotion_edge, runtime):
        with pytest.raises(AttributeError, match="bogus"):
            _ = module.bogus
    assert set(emotion_edge.__all__) <= set(dir(emotion_edge))


def test_frozen_records_do_not_compare_arrays() -> None:
    """`==` of arrays has no one truth and they have no hash: `eq=False` compares the objects."""
    arrays = ("ndarray", "NDArray", "Tensor", "Logits", "Floats")
    wrong = []
    for file in FILES.values():
        for node in ast.walk(ast.parse((REPO / file).read_text(encoding="utf-8"))):
            if not isinstance(node, ast.ClassDef):
                continue
            marks = [ast.unparse(mark) for mark in node.decorator_list]
            if not any("dataclass(" in m and "frozen=True" in m for m in marks):
                continue
            if any("eq=False" in m for m in marks):
                continue
            fields = [n for n in node.body if isinstance(n, ast.AnnAssign)]
            wrong += [
                f"{file}: {node.name}.{ast.unparse(field.target)}"
                for field in fields
                if any(kind in ast.unparse(field.annotation) for kind in arrays)
                and "compare=False" not in ast.unparse(field)
            ]
    assert wrong == []

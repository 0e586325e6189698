"""The wheel as a user has it: built from a copy, and installed where the checkout isn't seen."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.conftest import REPO

#: What no wheel is built from; copying it would take time and space.
_LEFT = shutil.ignore_patterns(
    ".*", "__pycache__", "*.egg-info", "build", "dist", "out", "checkpoints", "logs", "node_modules"
)

#: A folder's own modules, which no command may import.
HOSTILE = ("runtime.py", "train.py", "export.py", "emotion_edge.py", "calibration.py", "numpy.py")

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    pytest.importorskip("setuptools", "77", reason="building the wheel needs setuptools")
    folder = tmp_path_factory.mktemp("wheel")
    shutil.copytree(REPO, folder / "checkout", ignore=_LEFT)
    _pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, folder / "checkout")
    (built,) = folder.glob("*.whl")
    shutil.rmtree(folder / "checkout")
    return built


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an environment's commands: the wheel, and our own environment's packages.

    Those come by a path, so what an editable install added to ours is not seen.
    """
    folder = tmp_path_factory.mktemp("installed")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    _pip("--python", folder / "bin" / "python", "install", "--no-deps", "--no-index", wheel)
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "ours.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    return folder / "bin"


@pytest.fixture
def run(installed: Path, tmp_path: Path) -> Run:
    """Runs a command of the environment in a folder of hostile modules."""
    here = tmp_path / "here"
    here.mkdir()
    for name in HOSTILE:
        (here / name).write_text(f"raise SystemExit('{name} of the current folder was imported')\n")

    def run(name: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [installed / name, *arguments],
            cwd=here,
            env=_environment(),
            capture_output=True,
            text=True,
            timeout=120,
        )

    return run


def _environment() -> dict[str, str]:
    """Ours without what would show the checkout or another interpreter."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL_ENV"))}


def _pip(*arguments: str | Path | Sequence[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", *map(str, arguments)],
        env=_environment(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr

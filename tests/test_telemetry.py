"""Nothing phones home, held with the newest ONNX Runtime, which would (CI pins an older one)."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import PORTRAIT, REPO

#: Where `make test` puts the newest ONNX Runtime.
NEWEST = Path(sys.prefix) / "newest"

#: What imports ONNX Runtime first in a process, and the commands that run it.
IMPORTS = (
    "calibration.quantize",
    "export.verification.outputs",
    "benchmarks.engine.latency_breakdown",
    "runtime.engines.ort",
)
COMMANDS = {
    "predict": ["runtime.predict", str(PORTRAIT)],
    "webcam": ["runtime.webcam", "--source", "demo", "--headless", "--max_frames", "3"],
    "doctor": ["runtime.doctor"],
}


@pytest.mark.parametrize("value", [None, "", "0"])
@pytest.mark.parametrize("package", ["runtime", "train", "export", "calibration", "benchmarks"])
def test_every_package_turns_it_off(package: str, value: str | None) -> None:
    # Empty and 0 leave it on, so a value that is already there doesn't count.
    code = f"import os, {package}; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(REPO)}
    if value is not None:
        env["ORT_DISABLE_TELEMETRY"] = value
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert done.stdout.strip() == "1", done.stderr


def _written(arguments: list[str], folder: Path) -> list[str]:
    """Runs Python with the newest ONNX Runtime, without a network and with an empty home.

    Neither CI nor unit tests may show in the environment: it sends nothing from there.
    """
    if not NEWEST.is_dir():
        pytest.skip("the newest ONNX Runtime is not here (`make test` installs it)")
    alone = ["unshare", "--map-root-user", "--net"]
    if not shutil.which("unshare") or subprocess.run([*alone, "true"], check=False).returncode:
        pytest.skip("no network namespace can be made here (unshare)")
    for name in ("home", "tmp", "here"):
        (folder / name).mkdir()
    done = subprocess.run(
        [*alone, sys.executable, *arguments],
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folder / "home"),
            "TMPDIR": str(folder / "tmp"),
            "PYTHONPATH": f"{NEWEST}{os.pathsep}{REPO}",
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        cwd=folder / "here",
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert str(NEWEST) in done.stdout or "-c" not in arguments, done.stdout
    return sorted(str(f.relative_to(folder)) for f in folder.rglob("*") if f.is_file())


def test_by_itself_onnx_runtime_leaves_an_identifier(tmp_path: Path) -> None:
    """Without this the tests below could not fail."""
    code = "import onnxruntime as o; print(o.__file__, o.__version__)"
    written = _written(["-c", code], tmp_path)
    if sys.version_info < (3, 11):
        pytest.skip("ONNX Runtime for Python 3.10 has no telemetry on Linux")
    assert any(name.endswith("deviceid") for name in written), written


@pytest.mark.parametrize("module", IMPORTS)
def test_modules_write_and_send_nothing(module: str, tmp_path: Path) -> None:
    code = f"import {module}, onnxruntime as o; o.get_available_providers(); print(o.__file__)"
    assert _written(["-c", code], tmp_path) == []


@pytest.mark.parametrize("name", COMMANDS)
def test_commands_write_and_send_nothing(name: str, tmp_path: Path) -> None:
    assert _written(["-m", *COMMANDS[name]], tmp_path) == []

"""ONNX Runtime leaves the host program's own log alone, and speaks by errors only."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from runtime.engines.factory import open_network
from runtime.errors import EngineError
from tests.conftest import REPO
from tests.contracts.models import write_two_outputs

FACES = np.zeros((3, 3, 32, 32), np.float32)


def test_the_host_programs_own_log_of_onnx_runtime_stays(tiny_engine: Path) -> None:
    """Its default logger is the host's: opening and running a model must not mute it."""
    code = (
        "import sys, numpy as np, onnxruntime as ort\n"
        "from runtime import open_engine\n"
        "ort.set_default_logger_severity(0)\n"
        "engine = open_engine(sys.argv[1])\n"
        "engine.infer(np.zeros((1, 3, 32, 32), np.float32))\n"
        "print('ours is open', file=sys.stderr, flush=True)\n"
        "ort.InferenceSession(sys.argv[1], providers=['CPUExecutionProvider'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tiny_engine)],
        env={**os.environ, "PYTHONPATH": str(REPO)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    _, after = done.stderr.split("ours is open")
    assert "onnxruntime" in after


def test_a_model_that_fails_says_so_by_an_error_alone(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    network = open_network(write_two_outputs(tmp_path / "broken.onnx", broken=True))
    with pytest.raises(EngineError):
        network.run(FACES)
    with pytest.raises(EngineError):
        network.run(FACES, ["embedding"])
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")

"""A checkpoint runs in PyTorch as its export does."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.engine.pytorch import TimedTorch
from runtime.engines.factory import open_engine
from runtime.errors import EngineError
from tests.conftest import REPO

CHECKPOINT = REPO / "runtime" / "models" / "emotion.safetensors"


def test_its_logits_are_its_exports() -> None:
    net = TimedTorch(CHECKPOINT, "cpu", "fp32", 1)
    assert net.name.endswith("PyTorch on cpu, fp32")
    shape = (2, *net.manifest.input_shape)
    faces = np.random.default_rng(0).normal(0, 0.5, shape).astype(np.float32)
    want = open_engine("main").infer(faces)["logits"]
    np.testing.assert_allclose(net.infer(faces)["logits"], want, atol=1e-3)


@pytest.mark.parametrize(
    ("provider", "precision", "said"),
    [
        ("openvino", "fp32", "runs with --provider cpu or cuda, not openvino"),
        ("cpu", "fp16", "--torch_precision fp16 is for --provider cuda"),
    ],
)
def test_what_it_cannot_do(provider: str, precision: str, said: str) -> None:
    with pytest.raises(EngineError, match=said):
        TimedTorch(CHECKPOINT, provider, precision, 1)

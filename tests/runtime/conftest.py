"""A machine with a GPU and TensorRT, made of fakes."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from runtime.engines.sidecar import write_sidecar
from runtime.manifest import Manifest
from tests.conftest import TINY
from tests.support.fake_gpu import FakeCudart, FakeTensorRT

PLAN = {
    "library": "tensorrt",
    "version": "10.3.0",
    "gpu": "Orin",
    "compute_capability": "8.7",
    "driver": "540.4.0",
    "profile": {"min": 2, "opt": 4, "max": 5},
    "onnx_sha256": "0",
}


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """An Orin with TensorRT 10.3, TensorRT for RTX 1.7 and CUDA's bindings."""
    cudart = FakeCudart()
    bindings, package = ModuleType("cuda.bindings"), ModuleType("cuda")
    bindings.runtime, package.bindings = cudart, bindings  # type: ignore[attr-defined]
    trt = FakeTensorRT("tensorrt", "10.3.0", cudart)
    rtx = FakeTensorRT("tensorrt_rtx", "1.7.1.116", cudart)
    modules = {
        "cuda": package,
        "cuda.bindings": bindings,
        "cuda.bindings.runtime": cudart,
        "tensorrt": trt,
        "tensorrt_rtx": rtx,
    }
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    return SimpleNamespace(cudart=cudart, trt=trt, rtx=rtx)


@pytest.fixture
def make_plan(tmp_path: Path) -> Callable[..., Path]:
    """Writes a plan for the fake TensorRT, its manifest and the ONNX file beside it."""

    def make(
        name: str = "tiny.fp16.plan",
        manifest: Manifest = TINY,
        onnx: bool = True,
        content: dict[str, Any] | None = None,
        **plan: Any,
    ) -> Path:
        path = tmp_path / name
        profile = [PLAN["profile"][k] for k in ("min", "opt", "max")]  # type: ignore[index]
        text = {"size": manifest.preprocess.size, "profile": profile, **(content or {})}
        path.write_text(json.dumps(text))
        write_sidecar(replace(manifest, precision="fp16", plan={**PLAN, **plan}), path)
        if onnx:
            path.with_suffix(".onnx").write_bytes(b"the graph")
        return path

    return make

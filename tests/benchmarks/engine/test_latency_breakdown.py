"""The parts of a run on a GPU, against a stand-in of CUDA that computes in ordinary memory."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.engine.command import main
from benchmarks.engine.latency_breakdown import OrtParts, PlanParts, open_parts
from runtime.engines.factory import open_engine
from runtime.engines.trt.cuda import Cuda
from runtime.errors import EngineError
from runtime.support.cli import run_command
from tests.runtime.conftest import gpu, make_plan  # noqa: F401  (fixtures)
from tests.support.fake_gpu import Error

BATCH = np.random.default_rng(0).normal(size=(3, 3, 32, 32)).astype(np.float32)


def test_what_runs_on_the_cpu_has_no_parts(tiny_engine: Path) -> None:
    assert open_parts(str(tiny_engine), "cpu") is None
    assert open_parts("default", "cpu") is None


@pytest.mark.parametrize(("rows", "pieces"), [(1, 1), (3, 1), (5, 1), (12, 3)])
def test_a_plans_parts_are_those_of_all_its_pieces(
    gpu: SimpleNamespace,  # noqa: F811
    make_plan: Callable[..., Path],  # noqa: F811
    rows: int,
    pieces: int,
) -> None:
    parts = open_parts(str(make_plan()), "cpu")
    assert isinstance(parts, PlanParts)
    for _ in range(3):  # no run becomes a graph, which would have no parts
        found = parts.measure(np.resize(BATCH, (rows, 3, 32, 32)))
    times = [found[name] for name in ("host_to_device", "compute", "device_to_host")]
    assert times == [pieces] * 3
    assert found["enqueue"] >= 0
    parts.close()
    assert not gpu.cudart.live


def test_a_plan_that_cannot_be_opened_frees_all(
    gpu: SimpleNamespace,  # noqa: F811
    make_plan: Callable[..., Path],  # noqa: F811
) -> None:
    gpu.trt.fail.add("deserialize")
    with pytest.raises(EngineError):
        PlanParts(make_plan())
    assert not gpu.cudart.live


def test_onnx_runtime_on_memory_of_ours(gpu: SimpleNamespace, tiny_engine: Path) -> None:  # noqa: F811
    """The copies are the stand-in's, which run when waited for; the network runs on the CPU."""
    parts = OrtParts(tiny_engine, Cuda(), "CPUExecutionProvider", device="cpu")
    parts.measure(BATCH)
    found = parts.measure(BATCH)  # the input of the first has arrived
    assert (found["host_to_device"], found["device_to_host"]) == (1, 1)
    assert found["enqueue"] > 0
    _, _, target = parts._bound[3]
    want = open_engine(tiny_engine).infer(BATCH)["logits"]
    np.testing.assert_allclose(target.host, want, rtol=1e-5)
    parts.close()
    assert not gpu.cudart.live


def test_the_command_tells_the_parts(
    gpu: SimpleNamespace,  # noqa: F811
    make_plan: Callable[..., Path],  # noqa: F811
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "out.json"
    flags = ["--engine", str(make_plan()), "--rounds", "3", "--batches", "2"]
    assert run_command(main, [*flags, "--output_json", str(out)]) == 0
    (row,) = json.loads(out.read_text())["engines"]
    assert set(row["parts_ms"]) == {"host_to_device", "compute", "device_to_host", "enqueue"}
    assert "on the GPU, ms: host_to_device 1.000, compute 1.000" in capsys.readouterr().out


def test_without_parts_the_latency_stays(
    gpu: SimpleNamespace,  # noqa: F811
    make_plan: Callable[..., Path],  # noqa: F811
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    gpu.cudart.fail["cudaEventElapsedTime"] = Error.cudaErrorInvalidValue
    out = tmp_path / "out.json"
    flags = ["--engine", str(make_plan()), "--rounds", "3", "--batches", "2"]
    assert run_command(main, [*flags, "--output_json", str(out)]) == 0
    (row,) = json.loads(out.read_text())["engines"]
    assert row["p50_ms"] > 0
    assert "parts_ms" not in row
    assert "its parts can't be timed: cudaEventElapsedTime failed" in capsys.readouterr().err


def test_the_real_bindings_have_what_is_called() -> None:
    bindings = pytest.importorskip("cuda.bindings.runtime", reason="cuda-bindings isn't installed")
    for name in ("cudaEventCreateWithFlags", "cudaEventRecord", "cudaEventElapsedTime"):
        assert callable(getattr(bindings, name))

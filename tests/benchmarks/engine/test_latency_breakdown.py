"""The latency breakdown on a GPU, against a stand-in of CUDA in ordinary memory."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.engine.command import main
from benchmarks.engine.latency_breakdown import TimedOnnx, TimedPlan, combine, open_timed
from benchmarks.harness.schema.engine import GpuTimes
from runtime.engines.factory import open_engine
from runtime.engines.trt.cuda import Cuda
from runtime.errors import EngineError
from runtime.support.cli import run_command
from tests.runtime.conftest import gpu, make_plan  # noqa: F401  (fixtures)
from tests.support.fake_gpu import Error

BATCH = np.random.default_rng(0).normal(size=(3, 3, 32, 32)).astype(np.float32)


def test_what_runs_on_the_cpu_is_not_broken_down(tiny_engine: Path) -> None:
    assert open_timed(str(tiny_engine), "cpu") is None
    assert open_timed("default", "cpu") is None


@pytest.mark.parametrize(("rows", "runs"), [(1, 1), (3, 1), (5, 1), (12, 3)])
def test_a_plans_breakdown_is_that_of_all_its_runs(
    gpu: SimpleNamespace,  # noqa: F811
    make_plan: Callable[..., Path],  # noqa: F811
    rows: int,
    runs: int,
) -> None:
    timed = open_timed(str(make_plan()), "cpu")
    assert isinstance(timed, TimedPlan)
    for _ in range(3):  # no run becomes a graph, in which no event lies
        found = timed.measure(np.resize(BATCH, (rows, 3, 32, 32)))
    assert [found.host_to_device, found.compute, found.device_to_host] == [runs] * 3
    assert found.enqueue >= 0
    timed.close()
    assert not gpu.cudart.live


def test_a_plan_that_cannot_be_opened_frees_all(
    gpu: SimpleNamespace,  # noqa: F811
    make_plan: Callable[..., Path],  # noqa: F811
) -> None:
    gpu.trt.fail.add("deserialize")
    with pytest.raises(EngineError):
        TimedPlan(make_plan())
    assert not gpu.cudart.live


def test_onnx_runtime_on_memory_of_ours(gpu: SimpleNamespace, tiny_engine: Path) -> None:  # noqa: F811
    """The copies are the stand-in's, which run when waited for; the network runs on the CPU."""
    timed = TimedOnnx(tiny_engine, Cuda(), "CPUExecutionProvider", device="cpu")
    timed.measure(BATCH)
    found = timed.measure(BATCH)  # the input of the first has arrived
    assert (found.host_to_device, found.device_to_host) == (1, 1)
    assert found.enqueue > 0
    _, _, target = timed._bound[3]
    want = open_engine(tiny_engine).infer(BATCH)["logits"]
    np.testing.assert_allclose(target.host, want, rtol=1e-5)
    timed.close()
    assert not gpu.cudart.live


def test_the_command_tells_the_breakdown(
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


def test_without_a_breakdown_the_latency_stays(
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
    assert (
        "its latency can't be broken down: cudaEventElapsedTime failed" in capsys.readouterr().err
    )


def test_breakdowns_are_combined_time_by_time() -> None:
    runs = [
        GpuTimes(host_to_device=ms, compute=2 * ms, device_to_host=3 * ms, enqueue=0)
        for ms in (1.0, 2.0)
    ]
    whole = GpuTimes(host_to_device=3, compute=6, device_to_host=9, enqueue=0)
    assert combine(runs, sum) == whole


def test_the_real_bindings_have_what_is_called() -> None:
    bindings = pytest.importorskip("cuda.bindings.runtime", reason="needs cuda-bindings")
    for name in ("cudaEventCreateWithFlags", "cudaEventRecord", "cudaEventElapsedTime"):
        assert callable(getattr(bindings, name))

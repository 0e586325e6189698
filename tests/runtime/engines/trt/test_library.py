"""TensorRT as it is installed: import, log, GPU."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType, SimpleNamespace

import pytest

from runtime.engines.trt.library import BuildLog, gpu_facts, load_library, shared_logger
from runtime.errors import UserError
from tests.support.fake_builder import FakeBuilder
from tests.support.fake_gpu import Error

NO_GPU = {"gpu": None, "compute_capability": None, "driver": None}
ORIN = {"gpu": "Orin", "compute_capability": "8.7", "driver": "CUDA 12.6"}


def test_a_library_has_one_logger_per_process() -> None:
    # TensorRT goes on using the first, even when it is freed.
    fake = FakeBuilder()
    assert shared_logger(fake) is shared_logger(fake)
    assert shared_logger(fake) is not shared_logger(FakeBuilder())


def test_warnings_are_shown_once_and_everything_on_demand(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log = BuildLog()
    for _ in range(2):
        log.add("WARNING", "slow\nkernel")
        log.add("VERBOSE", "detail")
    assert capsys.readouterr().out == "warning: slow kernel\n"
    log.reset(verbose=True)
    log.add("VERBOSE", "detail")
    assert capsys.readouterr().out == "verbose: detail\n"


@pytest.mark.parametrize(
    "error",
    [
        ImportError("libnvinfer.so.10: cannot open shared object file"),
        OSError("libnvinfer.so.10: cannot open shared object file"),
        ModuleNotFoundError("No module named 'libnvinfer.so.10'", name="tensorrt_libs"),
    ],
)
def test_a_broken_tensorrt_is_not_passed_over(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def broken(name: str) -> ModuleType:
        raise error

    monkeypatch.setattr(importlib, "import_module", broken)
    with pytest.raises(UserError, match=r"^tensorrt can't be loaded \(.*libnvinfer\.so\.10"):
        load_library("auto")


def test_auto_takes_tensorrt_and_then_rtx(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = {
        "tensorrt": FakeBuilder(version="11.0.0"),
        "tensorrt_rtx": FakeBuilder("tensorrt_rtx", "1.7.1"),
    }

    def find(name: str) -> ModuleType:
        if name not in installed:
            raise ModuleNotFoundError(name, name=name)
        return installed[name]

    monkeypatch.setattr(importlib, "import_module", find)
    assert load_library("auto").__name__ == "tensorrt"
    assert load_library("tensorrt_rtx").__name__ == "tensorrt_rtx"
    del installed["tensorrt"]
    assert load_library("auto").__name__ == "tensorrt_rtx"
    installed["tensorrt"] = FakeBuilder(version="8.6.1")
    with pytest.raises(UserError, match=r"TensorRT 8\.6\.1 is too old"):
        load_library("auto")


def test_facts_of_a_gpu_and_of_none(gpu: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    assert gpu.cudart.properties.name == b"Orin\0\0"
    assert gpu_facts() == ORIN
    for function in ("cudaGetDeviceCount", "cudaGetDevice", "cudaGetDeviceProperties"):
        gpu.cudart.fail[function] = Error.cudaErrorInsufficientDriver
        assert gpu_facts() == NO_GPU
        gpu.cudart.fail.clear()

    def raises() -> None:
        raise RuntimeError("Failed to dlopen libcuda.so.1")

    monkeypatch.setattr(gpu.cudart, "cudaGetDevice", raises)
    assert gpu_facts() == NO_GPU
    for name in ("cuda.bindings.runtime", "cuda.cudart"):
        monkeypatch.setitem(sys.modules, name, None)
    assert gpu_facts() == NO_GPU

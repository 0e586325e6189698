"""A TensorRT that builds nothing: what it was asked for, and how it fails."""

from __future__ import annotations

import signal
from types import ModuleType, SimpleNamespace
from typing import Any


class FakeBuilder(ModuleType):
    """What the builder uses of TensorRT, with what it was asked for and how it fails."""

    def __init__(self, name: str = "tensorrt", version: str = "10.3.0") -> None:
        super().__init__(name)
        self.__version__ = version
        self.fails = ""
        self.says: list[tuple[str, str]] = [("INFO", "Total Weights Memory: 1234567 bytes")]
        self.shape = (-1, 3, 32, 32)
        self.cache_fits: bool | None = True  # None: it can't even be read
        self.asked: dict[str, Any] = {"targets": {}}
        flags = {"STRONGLY_TYPED": 3} if version.startswith("10.") else {}
        self.NetworkDefinitionCreationFlag = SimpleNamespace(**flags)
        self.MemoryPoolType = SimpleNamespace(WORKSPACE="workspace")
        self.BuilderFlag = SimpleNamespace(TF32="tf32")
        self.ComputeCapability = SimpleNamespace(
            CURRENT="current",
            __members__={"NONE": 0, "CURRENT": 1, "SM75": 75, "SM89": 89, "SM120": 120},
        )

        class ILogger:
            pass

        self.ILogger = ILogger
        self.Builder = lambda logger: _Builder(self, logger)
        self.OnnxParser = lambda network, logger: _Parser(self)


class _Builder:
    def __init__(self, trt: FakeBuilder, logger: Any) -> None:
        self.trt, self.logger = trt, logger
        if trt.fails == "gpu":
            self.say("ERROR", "CUDA initialization failure with error: 100")
            raise TypeError("pybind11::init(): factory function returned nullptr")

    def say(self, severity: str, text: str) -> None:
        self.logger.log(SimpleNamespace(name=severity), text)

    def create_network(self, flags: int) -> Any:
        self.trt.asked["flags"] = flags
        tensor = SimpleNamespace(name="input", shape=self.trt.shape)
        return SimpleNamespace(
            num_inputs=1, num_outputs=1, get_input=lambda i: tensor, get_output=lambda i: tensor
        )

    def create_builder_config(self) -> Any:
        return _Config(self.trt, self)

    def create_optimization_profile(self) -> Any:
        return SimpleNamespace(set_shape=lambda *a: self.trt.asked.update(profile=a))

    def build_serialized_network(self, network: Any, config: Any) -> bytes | None:
        self.trt.asked["sigint"] = signal.getsignal(signal.SIGINT)
        for severity, text in self.trt.says:
            self.say(severity, text)
        return None if self.trt.fails == "build" else b"a plan"


class _Config:
    def __init__(self, trt: FakeBuilder, builder: _Builder) -> None:
        self.trt, self.builder = trt, builder
        self.cache: bytes | None = None
        self.num_compute_capabilities = 0

    def set_memory_pool_limit(self, pool: str, size: int) -> None:
        self.trt.asked[pool] = size

    def clear_flag(self, flag: str) -> None:
        self.trt.asked["cleared"] = flag

    def set_compute_capability(self, target: Any, index: int) -> bool:
        self.trt.asked["targets"][index] = target
        return index < self.num_compute_capabilities

    def add_optimization_profile(self, profile: Any) -> int:
        if self.trt.fails == "profile":
            self.builder.say("ERROR", "Invalid optimization profiles")
            return -1
        return 0

    def create_timing_cache(self, data: bytes) -> bytes | None:
        return None if data and self.trt.cache_fits is None else data

    def set_timing_cache(self, cache: bytes, ignore_mismatch: bool) -> bool:
        assert not ignore_mismatch
        assert cache is not None
        if cache and not self.trt.cache_fits:
            return False
        self.cache = cache
        return True

    def get_timing_cache(self) -> Any:
        return None if self.cache is None else SimpleNamespace(serialize=lambda: self.cache + b"+")


class _Parser:
    def __init__(self, trt: FakeBuilder) -> None:
        self.trt = trt
        self.num_errors = 1 if trt.fails == "parse" else 0

    def parse_from_file(self, path: str) -> bool:
        self.trt.asked["file"] = path
        return not self.num_errors

    def get_error(self, index: int) -> Any:
        text = (
            "Invalid Node - relu\nRelu: bad type In check at /src/a.cpp:1)\n[x::catchCudaError] 35"
        )
        return SimpleNamespace(
            node=lambda: 4,
            node_name=lambda: "relu",
            node_operator=lambda: "Relu",
            desc=lambda: text,
        )

"""A CUDA runtime and a TensorRT that compute in ordinary memory.

They keep the real ones' rules: queued work runs only when somebody waits,
copies must stay inside live memory, a graph replays what its context was set
to and breaks when that changes, and failures come as return values.
"""

from __future__ import annotations

import ctypes
import json
import weakref
from collections import Counter
from collections.abc import Callable
from enum import Enum, IntEnum
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

WEIGHTS = np.random.default_rng(0).normal(size=(3, 8)).astype(np.float32)


def reference(batch: np.ndarray) -> np.ndarray:
    """What the fake network gives: (N, 3, H, W) -> (N, 8)."""
    return batch.mean((2, 3), dtype=np.float32) @ WEIGHTS + np.arange(8, dtype=np.float32)


class Error(IntEnum):
    cudaSuccess = 0
    cudaErrorInvalidValue = 1
    cudaErrorMemoryAllocation = 2
    cudaErrorInsufficientDriver = 35
    cudaErrorNotReady = 600
    cudaErrorIllegalAddress = 700
    cudaErrorStreamCaptureInvalidated = 901


class FakeCudart(ModuleType):
    """Stands for `cuda.bindings.runtime`."""

    cudaStreamNonBlocking = 1
    cudaEventBlockingSync = 1
    cudaEventDisableTiming = 2
    cudaMemcpyKind = SimpleNamespace(cudaMemcpyHostToDevice=1, cudaMemcpyDeviceToHost=2)
    cudaStreamCaptureMode = SimpleNamespace(cudaStreamCaptureModeThreadLocal=1)

    def __init__(self) -> None:
        super().__init__("cuda.bindings.runtime")
        self.devices = 1
        self.properties = SimpleNamespace(name=b"Orin\0\0", major=8, minor=7)
        self.fail: dict[str, Error] = {}
        self.calls: Counter[str] = Counter()
        #: What was made and not freed, by handle.
        self.live: dict[int, Any] = {}
        self.last_error = Error.cudaSuccess
        self.queue: list[Callable[[], None]] = []
        self.captured: list[Callable[[], None]] | None = None
        self.invalidated = False

    def __getattribute__(self, name: str) -> Any:
        value = super().__getattribute__(name)
        if not name.startswith("cuda") or not callable(value):
            return value

        def call(*arguments: Any) -> tuple[Any, ...]:
            self.calls[name] += 1
            if name in self.fail:
                self.last_error = self.fail[name]
                return self.last_error, None
            return value(*arguments)

        return call

    def make(self, thing: Any) -> tuple[Error, int]:
        handle = ctypes.addressof(thing) if isinstance(thing, ctypes.Array) else id(thing)
        self.live[handle] = thing
        return Error.cudaSuccess, handle

    def drop(self, handle: int) -> tuple[Error]:
        return (Error.cudaSuccess if self.live.pop(handle, None) else Error.cudaErrorInvalidValue,)

    def holds(self, address: int, size: int) -> bool:
        return any(
            start <= address and address + size <= start + len(thing)
            for start, thing in self.live.items()
            if isinstance(thing, ctypes.Array)
        )

    def enqueue(self, work: Callable[[], None]) -> None:
        (self.queue if self.captured is None else self.captured).append(work)

    def cudaGetDeviceCount(self) -> tuple[Error, int]:
        return Error.cudaSuccess, self.devices

    def cudaGetDevice(self) -> tuple[Error, int]:
        return Error.cudaSuccess, 0

    def cudaGetDeviceProperties(self, device: int) -> tuple[Error, Any]:
        return Error.cudaSuccess, self.properties

    def cudaDriverGetVersion(self) -> tuple[Error, int]:
        return Error.cudaSuccess, 12060

    def cudaGetLastError(self) -> tuple[Error]:
        error, self.last_error = self.last_error, Error.cudaSuccess
        return (error,)

    def cudaMalloc(self, size: int) -> tuple[Error, int]:
        return self.make((ctypes.c_byte * size)(*b"\x7f" * size))

    cudaMallocHost = cudaMalloc

    def cudaStreamCreateWithFlags(self, flags: int) -> tuple[Error, int]:
        return self.make(SimpleNamespace(stream=True))

    def cudaEventCreateWithFlags(self, flags: int) -> tuple[Error, int]:
        return self.make(SimpleNamespace(work=0))

    def cudaFree(self, handle: int) -> tuple[Error]:
        return self.drop(handle)

    cudaFreeHost = cudaStreamDestroy = cudaEventDestroy = cudaFree
    cudaGraphDestroy = cudaGraphExecDestroy = cudaFree

    def cudaMemcpyAsync(
        self, target: int, source: int, size: int, kind: int, stream: int
    ) -> tuple[Error]:
        if not (self.holds(target, size) and self.holds(source, size) and stream in self.live):
            return (Error.cudaErrorInvalidValue,)
        self.enqueue(lambda: ctypes.memmove(target, source, size))
        return (Error.cudaSuccess,)

    def cudaStreamBeginCapture(self, stream: int, mode: int) -> tuple[Error]:
        self.captured, self.invalidated = [], False
        return (Error.cudaSuccess,)

    def cudaStreamEndCapture(self, stream: int) -> tuple[Error, int | None]:
        work, self.captured = self.captured, None
        if self.invalidated:
            self.last_error = Error.cudaErrorStreamCaptureInvalidated
            return self.last_error, None
        return self.make(SimpleNamespace(graph=work))

    def cudaGraphInstantiateWithFlags(self, graph: int, flags: int) -> tuple[Error, int]:
        return self.make(SimpleNamespace(graph=self.live[graph].graph))

    def cudaGraphLaunch(self, graph: int, stream: int) -> tuple[Error]:
        self.queue += self.live[graph].graph
        return (Error.cudaSuccess,)

    def cudaEventRecord(self, event: int, stream: int) -> tuple[Error]:
        self.live[event].work = len(self.queue)
        return (Error.cudaSuccess,)

    def cudaEventElapsedTime(self, start: int, end: int) -> tuple[Error, float]:
        """As many milliseconds as there was work between them."""
        if self.queue:
            return Error.cudaErrorNotReady, 0.0
        return Error.cudaSuccess, float(self.live[end].work - self.live[start].work)

    def cudaEventSynchronize(self, event: int) -> tuple[Error]:
        recorded = self.live[event].work
        now, self.queue = self.queue[:recorded], self.queue[recorded:]
        for work in now:
            work()
        return (Error.cudaSuccess,)


class FakeTensorRT(ModuleType):
    """Stands for `tensorrt` or `tensorrt_rtx`; a plan of its is JSON text."""

    DataType = Enum("DataType", "FLOAT HALF INT32")
    TensorIOMode = Enum("TensorIOMode", "INPUT OUTPUT")
    ExecutionContextAllocationStrategy = Enum("Strategy", "STATIC USER_MANAGED")
    CudaGraphStrategy = Enum("CudaGraphStrategy", "DISABLED WHOLE_GRAPH_CAPTURE")

    class ILogger:
        INTERNAL_ERROR, ERROR, WARNING, INFO = range(4)

        def __init__(self) -> None:
            pass

    def __init__(self, name: str, version: str, cudart: FakeCudart) -> None:
        super().__init__(name)
        self.__version__ = version
        self.__spec__ = ModuleSpec(name, None)
        self.cudart = cudart
        #: Steps that fail: deserialize, context, address, shape, execute, capture, end.
        self.fail: set[str] = set()
        self.runs: list[np.ndarray] = []
        self.executed = 0
        self.contexts: list[weakref.ref[Any]] = []

    @staticmethod
    def nptype(kind: Enum) -> type:
        return {"FLOAT": np.float32, "HALF": np.float16, "INT32": np.int32}[kind.name]

    def Runtime(self, logger: Any) -> Any:
        assert isinstance(logger, self.ILogger)
        return SimpleNamespace(deserialize_cuda_engine=lambda data: self._deserialize(data, logger))

    def _deserialize(self, data: bytes, logger: Any) -> Any:
        if "deserialize" in self.fail:
            logger.log(logger.INFO, "Loaded engine size: 0 MiB")
            logger.log(logger.ERROR, "IRuntime: Error Code 1: Serialization\n (magicTag failed.)")
            return None
        return FakeEngine(self, logger, json.loads(data))


class FakeEngine:
    device_memory_size_v2 = 1024

    def __init__(self, trt: FakeTensorRT, logger: Any, plan: dict[str, Any]) -> None:
        self.trt, self.logger, self.plan = trt, logger, plan
        self.more_outputs = plan.get("more_outputs", [])
        self.names = ["input", "logits", *self.more_outputs, *plan.get("more_inputs", [])]
        self.num_io_tensors = len(self.names)
        self.face = (3, plan["size"], plan["size"])

    def get_tensor_name(self, index: int) -> str:
        return self.names[index]

    def get_tensor_mode(self, name: str) -> Enum:
        modes = self.trt.TensorIOMode
        return modes.OUTPUT if name in ("logits", *self.more_outputs) else modes.INPUT

    def get_tensor_dtype(self, name: str) -> Enum:
        return self.trt.DataType[self.plan.get(f"{name}_type", "FLOAT")]

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        if name in self.more_outputs:
            return (-1, 3)
        return (-1, 8) if name == "logits" else (-1, *self.face)

    def get_tensor_profile_shape(self, name: str, profile: int) -> list[tuple[int, ...]]:
        assert profile == 0
        return [(batch, *self.face) for batch in self.plan["profile"]]

    def create_runtime_config(self) -> Any:
        return SimpleNamespace(cuda_graph_strategy=self.trt.CudaGraphStrategy.DISABLED)

    def create_execution_context(self, how: Any) -> Any:
        if "context" in self.trt.fail:
            self.logger.log(self.logger.ERROR, "out of memory")
            return None
        context = FakeContext(self, how)
        self.trt.contexts.append(weakref.ref(context))
        return context


class FakeContext:
    def __init__(self, engine: FakeEngine, how: Any) -> None:
        self.engine, self.how = engine, how
        self.shape: tuple[int, ...] | None = None
        self.addresses: dict[str, int] = {}
        self.ran_with: tuple[int, ...] | None = None
        self.memory = (0, 0)

    def set_device_memory(self, address: int, size: int) -> None:
        self.memory = (address, size)

    def set_tensor_address(self, name: str, address: int) -> bool:
        self.addresses[name] = address
        return "address" not in self.engine.trt.fail

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        smallest, _, largest = self.engine.plan["profile"]
        if not smallest <= shape[0] <= largest or "shape" in self.engine.trt.fail:
            return False
        self.shape = tuple(shape)
        return True

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        assert self.shape is not None
        if name in self.engine.more_outputs:
            return (self.shape[0], 3)
        return tuple(self.engine.plan.get("output_shape", (self.shape[0], 8)))

    def execute_async_v3(self, stream: int) -> bool:
        trt, logger = self.engine.trt, self.engine.logger
        cudart = trt.cudart
        if self.how is trt.ExecutionContextAllocationStrategy.USER_MANAGED:
            assert self.memory[1] >= self.engine.device_memory_size_v2
            assert cudart.holds(*self.memory)
        assert self.shape is not None
        assert stream in cudart.live
        trt.executed += 1
        capturing = cudart.captured is not None
        # The first run of a shape can't be captured, and some networks never.
        if "execute" in trt.fail or (
            capturing and ("capture" in trt.fail or self.ran_with != self.shape)
        ):
            logger.log(logger.ERROR, "operation not permitted")
            cudart.invalidated = capturing and "capture" not in trt.fail
            return False
        # Some failures show only when the capture ends, some don't end it.
        cudart.invalidated = capturing and "end" in trt.fail
        self.ran_with = self.shape
        cudart.enqueue(FakeRun(self))
        return True


class FakeRun:
    """One queued run; it outlives its context only in a faulty program."""

    def __init__(self, context: FakeContext) -> None:
        self.context, self.shape = weakref.ref(context), context.shape

    def __call__(self) -> None:
        context = self.context()
        assert context is not None, "a graph ran after its context was freed"
        assert context.shape == self.shape, "a graph ran after its context took another shape"
        trt, shape = context.engine.trt, self.shape
        assert shape is not None
        batch = _at(context.addresses["input"], shape, np.float32).copy()
        trt.runs.append(batch)
        kind = trt.nptype(context.engine.get_tensor_dtype("logits"))
        _at(context.addresses["logits"], (shape[0], 8), kind)[:] = reference(batch)
        for name in context.engine.more_outputs:
            mean = batch.mean((2, 3), dtype=np.float32)
            _at(context.addresses[name], (shape[0], 3), np.float32)[:] = mean


def _at(address: int, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    return np.frombuffer((ctypes.c_byte * size).from_address(address), dtype).reshape(shape)

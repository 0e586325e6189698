"""A thin, checked layer over CUDA's runtime: memory, one stream, graphs.

It stands on the package cuda-bindings (cuda-python): wheels, also for a
Jetson's aarch64, that import without a driver. PyCUDA is not supported: it has
no wheels, compiles for minutes, and makes a context of its own beside the one
that TensorRT uses.
"""

from __future__ import annotations

import ctypes
import importlib
import logging
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from runtime.errors import EngineError

log = logging.getLogger("runtime")


@dataclass(frozen=True, slots=True)
class Device:
    """The GPU in use.

    Attributes:
        name: As its maker calls it.
        capability: Compute capability, such as `8.7`.
        cuda: Newest CUDA version that the driver runs, such as `12.6`.
    """

    name: str
    capability: str
    cuda: str


@dataclass(frozen=True, slots=True, eq=False)
class Buffer:
    """A tensor at its largest, in pinned host memory and on the GPU.

    Attributes:
        host: Pinned memory, in the tensor's shape; valid until the stream closes.
        device: Address of the same number of bytes on the GPU.
    """

    host: NDArray[Any]
    device: int

    def bytes_of(self, rows: int) -> int:
        """Size of the first rows."""
        return self.host[:rows].nbytes


class Cuda:
    """CUDA's runtime with every call checked."""

    def __init__(self) -> None:
        """Finds the bindings.

        Raises:
            EngineError: There are none.
        """
        self.api = _import_bindings()

    def call(self, function: str, *arguments: Any) -> Any:
        """Calls a function by its name and returns its value.

        Raises:
            EngineError: It failed; the message names the function and CUDA's error.
        """
        try:
            error, *values = getattr(self.api, function)(*arguments)
        except RuntimeError as failure:  # older bindings, where the driver's library is missing
            raise EngineError(f"{function} failed: {failure}") from failure
        if int(error):
            raise EngineError(f"{function} failed: {error.name}")
        return values[0] if values else None

    def free(self, function: str, handle: Any) -> None:
        """Calls a function that frees something; a failure is logged, not raised.

        After a fault on the GPU every call fails, and the first error says more.
        """
        try:
            self.call(function, handle)
        except EngineError as error:
            log.debug("%s", error)

    def device(self) -> Device:
        """The GPU in use.

        Raises:
            EngineError: There is no GPU or no driver.
        """
        try:
            count = self.call("cudaGetDeviceCount")
        except EngineError as error:
            raise EngineError(f"no NVIDIA GPU or no driver for it ({error})") from error
        if not count:
            raise EngineError("no NVIDIA GPU")
        properties = self.call("cudaGetDeviceProperties", self.call("cudaGetDevice"))
        driver = self.call("cudaDriverGetVersion")
        return Device(
            name=properties.name.split(b"\0")[0].decode(errors="replace"),
            capability=f"{properties.major}.{properties.minor}",
            cuda=f"{driver // 1000}.{driver % 1000 // 10}",
        )


class Stream:
    """A stream with the memory and graphs that are used on it, freed together."""

    def __init__(self, cuda: Cuda) -> None:
        """Makes the stream.

        Raises:
            EngineError: CUDA refused.
        """
        self._cuda = cuda
        self._owned = ExitStack()
        with ExitStack() as owned:
            # The default stream would wait for every other stream of the process.
            flags = cuda.api.cudaStreamNonBlocking
            self.handle = cuda.call("cudaStreamCreateWithFlags", flags)
            owned.callback(cuda.free, "cudaStreamDestroy", self.handle)
            # Waiting on a blocking event leaves the core to the other stages.
            flags = cuda.api.cudaEventBlockingSync | cuda.api.cudaEventDisableTiming
            self._done = cuda.call("cudaEventCreateWithFlags", flags)
            owned.callback(cuda.free, "cudaEventDestroy", self._done)
            self._owned = owned.pop_all()

    def allocate(self, size: int) -> int:
        """Address of `size` bytes on the GPU."""
        address: int = self._cuda.call("cudaMalloc", size)
        self._owned.callback(self._cuda.free, "cudaFree", address)
        return address

    def buffer(self, shape: tuple[int, ...], dtype: DTypeLike) -> Buffer:
        """Memory of a tensor on both sides."""
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        address: int = self._cuda.call("cudaMallocHost", size)
        self._owned.callback(self._cuda.free, "cudaFreeHost", address)
        pinned = (ctypes.c_byte * size).from_address(address)
        host = np.ndarray(shape, dtype, buffer=memoryview(pinned))
        return Buffer(host, self.allocate(size))

    def upload(self, buffer: Buffer, rows: int) -> None:
        """Queues the copy of the first rows to the GPU."""
        kind = self._cuda.api.cudaMemcpyKind.cudaMemcpyHostToDevice
        source, size = buffer.host.ctypes.data, buffer.bytes_of(rows)
        self._cuda.call("cudaMemcpyAsync", buffer.device, source, size, kind, self.handle)

    def download(self, buffer: Buffer, rows: int) -> None:
        """Queues the copy of the first rows from the GPU."""
        kind = self._cuda.api.cudaMemcpyKind.cudaMemcpyDeviceToHost
        target, size = buffer.host.ctypes.data, buffer.bytes_of(rows)
        self._cuda.call("cudaMemcpyAsync", target, buffer.device, size, kind, self.handle)

    def capture(self, work: Callable[[], None]) -> Any:
        """Records what `work` queues, without running it, as a graph to `launch`.

        Raises:
            EngineError: Something in it can't be captured; the stream is as before.
        """
        call, api, free = self._cuda.call, self._cuda.api, self._cuda.free
        # The other modes would forbid other threads to allocate meanwhile.
        mode = api.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal
        call("cudaStreamBeginCapture", self.handle, mode)
        try:
            try:
                work()
            except BaseException:
                _, graph = api.cudaStreamEndCapture(self.handle)
                if graph:
                    free("cudaGraphDestroy", graph)
                raise
            graph = call("cudaStreamEndCapture", self.handle)
            try:
                executable = call("cudaGraphInstantiateWithFlags", graph, 0)
            finally:
                free("cudaGraphDestroy", graph)
        except EngineError:
            api.cudaGetLastError()  # resets it, or TensorRT would take it for its own
            raise
        self._owned.callback(free, "cudaGraphExecDestroy", executable)
        return executable

    def launch(self, graph: Any) -> None:
        """Queues a captured graph."""
        self._cuda.call("cudaGraphLaunch", graph, self.handle)

    def wait(self) -> None:
        """Returns when all that was queued has run.

        Raises:
            EngineError: Some of it failed.
        """
        self._cuda.call("cudaEventRecord", self._done, self.handle)
        self._cuda.call("cudaEventSynchronize", self._done)

    def close(self) -> None:
        """Frees everything, the latest first; a second call does nothing."""
        self._owned.close()


def _import_bindings() -> Any:
    """`cuda.bindings.runtime`, or its older name `cuda.cudart`."""
    try:
        return importlib.import_module("cuda.bindings.runtime")
    except ImportError as error:
        try:
            return importlib.import_module("cuda.cudart")
        except ImportError:
            raise EngineError(
                "TensorRT plans need the package cuda-bindings: `pip install cuda-bindings` "
                f"(12.x for CUDA 12, as on JetPack 6; 13.x for CUDA 13) ({error})"
            ) from error

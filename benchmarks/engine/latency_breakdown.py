"""The latency breakdown of a run on a GPU: copy there, compute, copy back, and the host's share.

Times on the GPU are taken by CUDA events on the stream that does the work;
`enqueue` is how long the host takes to queue it. No GPU was at hand: this ran
against a stand-in of CUDA only (`tests.support.fake_gpu`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import fields
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from benchmarks.harness.schema.engine import GpuTimes
from runtime.engines.catalogue import model_path
from runtime.engines.package import ModelPackage
from runtime.engines.providers import PROVIDERS
from runtime.engines.trt.cuda import Buffer, Cuda, Stream
from runtime.engines.trt.network import TrtNetwork

Batch = NDArray[np.float32]


class TimedRuns(Protocol):
    """A model whose runs can be broken down."""

    def measure(self, batch: Batch) -> GpuTimes:
        """The latency breakdown of one run."""
        ...

    def close(self) -> None:
        """Frees the model."""
        ...


def open_timed(name: str, provider: str) -> TimedRuns | None:
    """An exported model whose runs can be broken down; None for what runs on the CPU.

    Args:
        name: What `--engine` took.
        provider: Where an ONNX file runs.
    """
    path = model_path(name, provider)
    if path.suffix in (".plan", ".engine"):
        return TimedPlan(path)
    if path.suffix == ".onnx" and provider in ("cuda", "tensorrt"):
        return TimedOnnx(path, Cuda(), PROVIDERS[provider].execution)
    return None


def combine(runs: Sequence[GpuTimes], how: Callable[[list[float]], float]) -> GpuTimes:
    """One breakdown of several: the sum or median of each of its times."""
    return GpuTimes(
        **{one.name: how([getattr(run, one.name) for run in runs]) for one in fields(GpuTimes)}
    )


class Events:
    """Four points on a stream, around its two copies and the network."""

    def __init__(self, cuda: Cuda, stream: Any) -> None:
        self._cuda, self._stream = cuda, stream
        self._owned = ExitStack()
        self._points = [cuda.call("cudaEventCreateWithFlags", 0) for _ in range(4)]
        for point in self._points:
            self._owned.callback(cuda.free, "cudaEventDestroy", point)

    def record(self, point: int) -> None:
        """Queues a point, 0 to 3."""
        self._cuda.call("cudaEventRecord", self._points[point], self._stream)

    def times(self, enqueue_ms: float) -> GpuTimes:
        """Milliseconds between the points; all of them must have passed."""
        there, compute, back = (
            float(self._cuda.call("cudaEventElapsedTime", start, end))
            for start, end in pairwise(self._points)
        )
        return GpuTimes(
            host_to_device=there, compute=compute, device_to_host=back, enqueue=enqueue_ms
        )

    def close(self) -> None:
        """Frees the events; a second call does nothing."""
        self._owned.close()


class _MarkedStream:
    """A stream whose copies are points: a run is one upload, the network, one download."""

    def __init__(self, stream: Stream, events: Events) -> None:
        self.handle, self._stream, self._events = stream.handle, stream, events

    def upload(self, buffer: Buffer, rows: int) -> None:
        self._events.record(0)
        self._stream.upload(buffer, rows)
        self._events.record(1)

    def download(self, buffer: Buffer, rows: int) -> None:
        self._events.record(2)
        self._stream.download(buffer, rows)
        self._events.record(3)


class TimedPlan(TrtNetwork):
    """A TensorRT plan, without CUDA graphs: no event can lie inside a graph."""

    _events: Events | None = None

    def __init__(self, path: Path) -> None:
        with ModelPackage(path) as package:
            super().__init__(path, package.model.content, package.manifest)
        assert self._stream is not None
        self._max_graphs = 0
        self._runs: list[GpuTimes] = []
        self._events = Events(Cuda(), self._stream.handle)

    def measure(self, batch: Batch) -> GpuTimes:
        """See `TimedRuns`; of a batch above the plan's largest, the sum over its runs."""
        self._runs.clear()
        self.run(batch)
        return combine(self._runs, sum)

    def _queue(self, stream: Stream, context: Any, size: int) -> None:
        assert self._events is not None
        start = time.perf_counter()
        super()._queue(_MarkedStream(stream, self._events), context, size)  # type: ignore[arg-type]
        enqueue = (time.perf_counter() - start) * 1e3
        stream.wait()
        self._runs.append(self._events.times(enqueue))

    def close(self) -> None:
        """See `TimedRuns`; also called by a constructor that fails."""
        if self._events is not None:
            self._events.close()
        super().close()


class TimedOnnx:
    """An ONNX file in ONNX Runtime with IO binding, on a stream of our own."""

    def __init__(self, path: Path, cuda: Cuda, execution: str, device: str = "cuda") -> None:
        """Loads the model.

        Args:
            path: The `.onnx` file.
            cuda: CUDA.
            execution: Name of ONNX Runtime's provider.
            device: What it calls the memory there.
        """
        self._device = device
        self._stream = Stream(cuda)
        self._events = Events(cuda, self._stream.handle)
        own = {"user_compute_stream": str(int(self._stream.handle))} if device == "cuda" else {}
        self._session = ort.InferenceSession(
            str(path), providers=[execution], provider_options=[own], enable_fallback=0
        )
        self._run = ort.RunOptions()
        # Ours to wait for: the stream goes on to the copy back.
        self._run.add_run_config_entry("disable_synchronize_execution_providers", "1")
        self._bound: dict[int, tuple[Any, Buffer, Buffer]] = {}

    def measure(self, batch: Batch) -> GpuTimes:
        """See `TimedRuns`."""
        rows = len(batch)
        if rows not in self._bound:
            self._bound[rows] = self._bind(batch.shape)
        binding, source, target = self._bound[rows]
        source.host[:] = batch
        self._events.record(0)
        self._stream.upload(source, rows)
        self._events.record(1)
        start = time.perf_counter()
        self._session.run_with_iobinding(binding, self._run)
        enqueue = (time.perf_counter() - start) * 1e3
        self._events.record(2)
        self._stream.download(target, rows)
        self._events.record(3)
        self._stream.wait()
        return self._events.times(enqueue)

    def _bind(self, shape: Sequence[int]) -> tuple[Any, Buffer, Buffer]:
        """A binding to memory of our own."""
        binding = self._session.io_binding()
        (given,), (made,) = self._session.get_inputs(), self._session.get_outputs()
        source = self._stream.buffer(tuple(shape), np.float32)
        target = self._stream.buffer((shape[0], int(made.shape[1])), np.float32)
        place = (self._device, 0, np.float32)
        binding.bind_input(given.name, *place, source.host.shape, source.device)
        binding.bind_output(made.name, *place, target.host.shape, target.device)
        return binding, source, target

    def close(self) -> None:
        """See `TimedRuns`."""
        self._bound.clear()
        self._events.close()
        self._stream.close()

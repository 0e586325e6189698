"""TensorRT backend: runs a plan, with TensorRT 10.1 or later, 11, or TensorRT for RTX.

A batch is copied to pinned memory, from there to the GPU, run, and copied
back, all queued on one stream. What is queued for a batch size that comes
again is captured as a CUDA graph, which starts in one call instead of one per
kernel: with few faces the starts would take longer than the kernels. TensorRT
for RTX captures by itself, since it compiles kernels while it runs.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import partial
from mmap import mmap
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime.engines.trt.cuda import Buffer, Stream
from runtime.engines.trt.plan import check_plan, refusal
from runtime.errors import EngineError
from runtime.manifest import Manifest

#: Most batch sizes with a graph of their own; each holds an execution context.
_MAX_GRAPHS = 8

log = logging.getLogger("runtime")


class TrtNetwork:
    """A `Network` in a TensorRT execution context.

    Attributes:
        batches: Smallest and largest batch of the plan's profile. Smaller ones
            are padded with zeros, larger ones run in parts.
    """

    batches: tuple[int, int]
    input_shape: tuple[int | None, ...]
    output_shapes: Mapping[str, tuple[int | None, ...]]
    _input: Buffer
    _outputs: dict[str, Buffer]
    _runtime: Any
    _engine: Any
    _context: Any

    def __init__(self, path: Path, content: mmap, manifest: Manifest) -> None:
        """Checks the plan against this machine and loads it.

        Args:
            path: Its file, for messages.
            content: The file's bytes.
            manifest: What the plan was built with and for; `ModelPackage` checked that it
                is of these bytes.

        Raises:
            PlanError: It was built for another GPU or TensorRT, or is broken;
                building it again mends that.
            EngineError: There is no GPU, driver or TensorRT, or no memory left.
        """
        host = check_plan(path, manifest.plan)
        library = str(manifest.plan["library"])
        self._trt = host.library
        self.name = f"{path} ({library} {host.library.__version__}, {host.device.name})"
        self._captures_itself = library == "tensorrt_rtx"
        self._stream: Stream | None = Stream(host.cuda)
        self._contexts: list[Any] = []
        self._asked: tuple[str, ...] = ()
        # By batch size and by the outputs that are copied back.
        self._graphs: dict[tuple[int, tuple[str, ...]], Any] = {}
        self._seen: set[tuple[int, tuple[str, ...]]] = set()
        self._max_graphs = 0 if self._captures_itself else _MAX_GRAPHS
        try:
            self._load(path, content)
        except BaseException:
            self.close()
            raise

    def run(
        self, batch: NDArray[np.float32], outputs: Sequence[str] | None = None
    ) -> dict[str, NDArray[Any]]:
        """Runs the model; see `Network.run`.

        A plan always computes all of its outputs; only those asked for are copied back.

        Args:
            batch: (N, ...) float32 of the input's shape; any N.
            outputs: Names of the outputs that are wanted; None for all.

        Raises:
            EngineError: The engine is closed, the batch has another shape, there is no
                such output, or CUDA or TensorRT failed.
        """
        if self._stream is None:
            raise EngineError(f"{self.name}: the engine is closed")
        if batch.shape[1:] != self._input.host.shape[1:]:
            raise EngineError(f"{self.name}: a batch must be {self.input_shape}, not {batch.shape}")
        self._asked = tuple(self._outputs if outputs is None else outputs)
        if unknown := set(self._asked) - set(self._outputs):
            raise EngineError(f"{self.name}: the model has no output {min(unknown)!r}")
        largest = self.batches[1]
        parts = [
            self._run_part(self._stream, batch[i : i + largest])
            for i in range(0, max(len(batch), 1), largest)
        ]
        if len(parts) == 1:
            return parts[0]
        return {name: np.concatenate([part[name] for part in parts]) for name in self._asked}

    def close(self) -> None:
        """Frees the GPU's memory and the plan; a second call does nothing."""
        stream, self._stream = self._stream, None
        if stream is None:
            return
        # Graphs hold what belongs to their contexts, and contexts to their engine.
        stream.close()
        self._graphs.clear()
        self._contexts.clear()
        self._context = self._engine = self._runtime = None

    def _load(self, path: Path, content: mmap) -> None:
        trt, stream = self._trt, self._stream
        assert stream is not None
        self._log = _make_logger(trt)
        self._runtime = trt.Runtime(self._log)
        self._engine = self._runtime.deserialize_cuda_engine(bytes(content))
        if self._engine is None:  # it logs why, and raises nothing
            raise refusal(path, f"TensorRT can't load it ({self._log.last_error})")
        engine = self._engine
        names = [engine.get_tensor_name(i) for i in range(engine.num_io_tensors)]
        inputs = [n for n in names if engine.get_tensor_mode(n) == trt.TensorIOMode.INPUT]
        outputs = [n for n in names if n not in inputs]
        if len(inputs) != 1 or engine.get_tensor_dtype(inputs[0]) != trt.DataType.FLOAT:
            raise EngineError(f"{path}: the model must have one float32 input")
        smallest, _, largest = (tuple(s) for s in engine.get_tensor_profile_shape(inputs[0], 0))
        self.batches = (smallest[0], largest[0])
        self.input_shape = _shape(engine.get_tensor_shape(inputs[0]))
        self.output_shapes = {n: _shape(engine.get_tensor_shape(n)) for n in outputs}
        # Contexts run one after another on one stream, so they share their scratch memory.
        self._scratch_size: int = 0 if self._captures_itself else engine.device_memory_size_v2
        self._scratch = stream.allocate(self._scratch_size) if self._scratch_size else 0
        self._input_name: str = inputs[0]
        self._input = stream.buffer(largest, np.float32)
        self._outputs = {}
        self._context = self._make_context()
        self._set_batch(self._context, largest[0])
        for name in outputs:
            shape = tuple(self._context.get_tensor_shape(name))
            if not shape or shape[0] != largest[0]:
                raise EngineError(f"{path}: its output {name!r} isn't one row for each input")
            dtype = trt.nptype(engine.get_tensor_dtype(name))
            self._outputs[name] = stream.buffer(shape, dtype)
        self._bind(self._context)

    def _run_part(self, stream: Stream, part: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
        """Outputs of a batch no larger than the profile's largest."""
        rows = len(part)
        if rows:
            size = max(rows, self.batches[0])
            self._input.host[:rows] = part
            self._input.host[rows:size] = 0
            self._launch(stream, size)
            stream.wait()
        return {name: self._outputs[name].host[:rows].copy() for name in self._asked}

    def _launch(self, stream: Stream, size: int) -> None:
        """Queues one run; from a size's second run on as a graph, where that works."""
        key = (size, self._asked)
        graph = self._graphs.get(key)
        if graph is None and key in self._seen and len(self._graphs) < self._max_graphs:
            graph = self._capture(stream, size)
        self._seen.add(key)
        if graph is not None:
            stream.launch(graph)
            return
        self._set_batch(self._context, size)
        self._queue(stream, self._context, size)

    def _capture(self, stream: Stream, size: int) -> Any:
        """A graph of one run, or None where TensorRT can't be captured."""
        try:
            # A graph breaks when its context takes another shape: each has its own.
            context = self._make_context()
            self._bind(context)
            self._set_batch(context, size)
            # The first run sets the context up, by calls that can't be captured.
            self._queue(stream, context, size)
            stream.wait()
            graph = stream.capture(partial(self._queue, stream, context, size))
        except EngineError as error:
            log.debug("%s: no CUDA graphs: %s", self.name, error)
            self._max_graphs = 0
            return None
        self._graphs[size, self._asked] = graph
        return graph

    def _queue(self, stream: Stream, context: Any, size: int) -> None:
        stream.upload(self._input, size)
        if not context.execute_async_v3(int(stream.handle)):
            raise EngineError(
                f"{self.name}: TensorRT could not run a batch of {size} ({self._log.last_error})"
            )
        for name in self._asked:
            stream.download(self._outputs[name], size)

    def _make_context(self) -> Any:
        trt, engine = self._trt, self._engine
        if self._captures_itself:
            config = engine.create_runtime_config()
            config.cuda_graph_strategy = trt.CudaGraphStrategy.WHOLE_GRAPH_CAPTURE
            context = engine.create_execution_context(config)
        else:
            context = engine.create_execution_context(
                trt.ExecutionContextAllocationStrategy.USER_MANAGED
            )
        if context is None:
            raise EngineError(
                f"{self.name}: TensorRT made no execution context ({self._log.last_error})"
            )
        if self._scratch_size:
            context.set_device_memory(self._scratch, self._scratch_size)
        self._contexts.append(context)
        return context

    def _bind(self, context: Any) -> None:
        tensors = {self._input_name: self._input, **self._outputs}
        for name, buffer in tensors.items():
            if not context.set_tensor_address(name, buffer.device):
                raise EngineError(f"{self.name}: TensorRT refused the memory of {name!r}")

    def _set_batch(self, context: Any, size: int) -> None:
        shape = (size, *self._input.host.shape[1:])
        if not context.set_input_shape(self._input_name, shape):
            raise EngineError(
                f"{self.name}: TensorRT refused the input {shape} ({self._log.last_error})"
            )


def _make_logger(trt: Any) -> Any:
    """A logger for TensorRT that keeps the last error; the rest goes to our log."""

    class Logger(trt.ILogger):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.ILogger.__init__(self)
            self.last_error = "it gave no reason"

        def log(self, severity: Any, message: str) -> None:
            if severity in (trt.ILogger.ERROR, trt.ILogger.INTERNAL_ERROR):
                self.last_error = " ".join(message.split())
            elif severity == trt.ILogger.WARNING:
                log.debug("TensorRT: %s", message)

    return Logger()


def _shape(shape: Sequence[int]) -> tuple[int | None, ...]:
    """TensorRT marks free sides by -1."""
    return tuple(None if side < 0 else side for side in shape)

"""A checkpoint in PyTorch, to be timed against what is exported from it."""

from __future__ import annotations

import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.harness.schema.engine import GpuTimes
from runtime.errors import EngineError
from train.checkpoint import load_checkpoint
from train.threads import use_threads
from train.torch_engine import TorchEngine

PRECISIONS = ("fp32", "tf32", "fp16")


class TimedTorch(TorchEngine):
    """A checkpoint on a device of one's choice. On a GPU it was never run: none was at hand."""

    def __init__(self, path: Path, provider: str, precision: str, threads: int) -> None:
        """Loads the checkpoint.

        Args:
            path: `.safetensors` file.
            provider: `cpu` or `cuda`.
            precision: One of `PRECISIONS`; on the CPU `fp32`.
            threads: CPU threads of PyTorch, in the whole process.

        Raises:
            UserError: It can't be read, or can't run so.
        """
        if provider not in ("cpu", "cuda"):
            raise EngineError(f"{path}: PyTorch runs with --provider cpu or cuda, not {provider}")
        if provider == "cuda" and not torch.cuda.is_available():
            raise EngineError(f"{path}: --provider cuda: PyTorch finds no GPU here")
        if provider == "cpu" and precision != "fp32":
            raise EngineError(f"{path}: --torch_precision {precision} is for --provider cuda")
        use_threads(threads)
        if provider == "cuda":
            torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
            torch.backends.cudnn.allow_tf32 = precision == "tf32"
        super().__init__(*load_checkpoint(path), str(path), provider)
        self.precision = precision
        self._dtype = torch.float16 if precision == "fp16" else torch.float32
        self._net.to(dtype=self._dtype)
        self.name += f", {precision}"

    def measure(self, batch: NDArray[np.float32]) -> GpuTimes:
        """A run's latency breakdown on the GPU; see `benchmarks.engine.latency_breakdown`."""
        points: list[Any] = [torch.cuda.Event(enable_timing=True) for _ in range(4)]  # type: ignore[no-untyped-call]
        source = torch.from_numpy(batch).to(dtype=self._dtype).pin_memory()
        with torch.inference_mode():
            points[0].record()
            there = source.to(self._device, non_blocking=True)
            points[1].record()
            start = time.perf_counter()
            logits = self._net(there)
            enqueue = (time.perf_counter() - start) * 1e3
            points[2].record()
            back = torch.empty(logits.shape, dtype=logits.dtype, pin_memory=True)
            back.copy_(logits, non_blocking=True)
            points[3].record()
        torch.cuda.synchronize()
        there, compute, copied = (a.elapsed_time(b) for a, b in pairwise(points))
        return GpuTimes(
            host_to_device=there, compute=compute, device_to_host=copied, enqueue=enqueue
        )

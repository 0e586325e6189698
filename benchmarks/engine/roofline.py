"""A device's roofline (Williams et al. 2009), measured, and a model's place under it.

The roof is the lower of two bounds: the rate of a large matrix product, and
the memory's bandwidth times the model's operations per byte. Both are taken by
PyTorch on the device itself, as the best of many tries.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from benchmarks.harness.schema.engine import Peaks, RooflineShare, Work
from train.ablation.cost import count_gflops
from train.checkpoint import load_checkpoint

#: Layers whose products make up a model's work; what lies between is fused into them at best.
_LAYERS = (nn.Conv2d, nn.Linear, nn.LSTM)

_BYTES = {"fp32": 4, "tf32": 4, "fp16": 2}


def measure_peaks(device: str, threads: int, seconds: float = 1.0) -> Peaks:
    """Measures a device.

    Args:
        device: `cpu` or `cuda`.
        threads: CPU threads of PyTorch, in the whole process.
        seconds: How long each figure is tried for.
    """
    torch.set_num_threads(threads)
    cuda = device == "cuda"
    # Large enough for the device, small enough for a try to be short.
    side, length = (8192, 2**28) if cuda else (1024, 2**25)
    rates = {}
    before = torch.backends.cuda.matmul.allow_tf32
    for precision in ("fp32", "tf32", "fp16") if cuda else ("fp32",):
        torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
        kind = torch.float16 if precision == "fp16" else torch.float32
        a, b = (torch.randn(side, side, device=device).to(kind) for _ in range(2))
        out = torch.empty_like(a)
        best = _fastest(partial(torch.mm, a, b, out=out), cuda, seconds)
        rates[precision] = 2 * side**3 / best / 1e9
    torch.backends.cuda.matmul.allow_tf32 = before
    source, target = (torch.zeros(length, device=device) for _ in range(2))
    best = _fastest(partial(target.copy_, source), cuda, seconds)
    return Peaks(gflops=rates, gb_per_s=2 * source.nbytes / best / 1e9)


def count_work(checkpoint: Path) -> tuple[Work, tuple[int, ...]]:
    """A checkpoint's work, and the shape of its input.

    Raises:
        UserError: It can't be read.
    """
    net, manifest = load_checkpoint(checkpoint)
    numbers = 0

    def count(module: nn.Module, given: Any, made: Any) -> None:
        nonlocal numbers
        out = made[0] if isinstance(made, tuple) else made  # an LSTM also gives its state
        numbers += given[0].numel() + out.numel()

    hooks = [m.register_forward_hook(count) for m in net.modules() if isinstance(m, _LAYERS)]
    gflops = count_gflops(net, manifest.preprocess.size)
    for hook in hooks:
        hook.remove()
    weights = sum(p.numel() for p in net.parameters())
    return Work(gflops=gflops, weights=weights, activations=numbers), manifest.input_shape


def bytes_per_batch(work: Work, batch: int, precision: str) -> int:
    """Memory traffic where nothing stays in a cache."""
    return _BYTES[precision] * (work.weights + batch * work.activations)


def under_roof(
    work: Work, peaks: Peaks, precision: str, batch: int, faces_per_s: float
) -> RooflineShare | None:
    """A measured rate as a share of what the device allows; None for a precision without a peak.

    Args:
        work: The model's.
        peaks: The device's.
        precision: What the model computes in.
        batch: Faces at once.
        faces_per_s: The measured rate.
    """
    if precision not in peaks.gflops:
        return None
    compute_s = batch * work.gflops / peaks.gflops[precision]
    traffic = bytes_per_batch(work, batch, precision)
    memory_s = traffic / 1e9 / peaks.gb_per_s
    roof = batch / max(compute_s, memory_s)
    return RooflineShare(
        flops_per_byte=round(batch * work.gflops * 1e9 / traffic, 1),
        bound="compute" if compute_s >= memory_s else "memory",
        roof_faces_per_s=round(roof, 1),
        share_of_roof=round(faces_per_s / roof, 4),
    )


def _fastest(act: Callable[[], Any], cuda: bool, seconds: float) -> float:
    """Seconds of the fastest of many tries."""
    best, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end or best == float("inf"):
        if cuda:
            torch.cuda.synchronize()
        start = time.perf_counter()
        act()
        if cuda:
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - start)
    return best

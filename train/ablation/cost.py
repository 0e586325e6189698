"""What a network costs: parameters, operations, time on one CPU thread."""

from __future__ import annotations

import statistics
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from train.threads import threads_for_a_while

ROUNDS = 50


@dataclass(frozen=True)
class Cost:
    """Cost of one face.

    Attributes:
        parameters: Number of weights.
        gflops: Floating point operations of one face in units of 1e9, a
            multiply-add counted as two.
        latency_ms: Median time of one face in PyTorch on one CPU thread.
    """

    parameters: int
    gflops: float
    latency_ms: float


def count_gflops(net: nn.Module, size: int) -> float:
    """Counts the operations of one face in units of 1e9 (`torch.utils.flop_counter`).

    Args:
        net: The network in evaluation mode.
        size: Side of the input in pixels.
    """
    # Without oneDNN the LSTM runs as matrix products, which the counter knows.
    # Turning it off warns of other settings, which stay as they are.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with (
            torch.backends.mkldnn.flags(enabled=False),
            FlopCounterMode(display=False) as counter,
            torch.inference_mode(),
        ):
            net(torch.zeros(1, 3, size, size))
    return float(counter.get_total_flops() / 1e9)


def measure_cost(nets: Mapping[str, nn.Module], size: int, rounds: int = ROUNDS) -> dict[str, Cost]:
    """Measures the costs of networks, timed in turns so that the machine's load is shared.

    Args:
        nets: Networks in evaluation mode, by name.
        size: Side of the input in pixels.
        rounds: How often each is timed.
    """
    face = torch.randn(1, 3, size, size).contiguous(memory_format=torch.channels_last)
    times: dict[str, list[float]] = {name: [] for name in nets}
    with threads_for_a_while(1), torch.inference_mode():
        for net in nets.values():
            net(face)
        for _ in range(rounds):
            for name, net in nets.items():
                start = time.perf_counter()
                net(face)
                times[name].append(time.perf_counter() - start)
    return {
        name: Cost(
            sum(p.numel() for p in net.parameters()),
            count_gflops(net, size),
            1e3 * statistics.median(times[name]),
        )
        for name, net in nets.items()
    }

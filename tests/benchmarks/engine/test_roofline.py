"""The roof by hand, and measured on this machine's CPU."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.engine.roofline import count_work, measure_peaks, under_roof
from benchmarks.harness.schema.engine import Peaks, RooflineShare, Work
from tests.conftest import REPO

CHECKPOINT = REPO / "runtime" / "models" / "emotion.safetensors"


def test_the_roof_by_hand() -> None:
    """1 GFLOP, a million weights, half a million activations; 100 GFLOP/s and 10 GB/s."""
    work = Work(gflops=1.0, weights=1_000_000, activations=500_000)
    peaks = Peaks(gflops={"fp32": 100.0, "fp16": 1000.0}, gb_per_s=10.0)
    one = under_roof(work, peaks, "fp32", 1, 50.0)
    assert one == RooflineShare(
        flops_per_byte=round(1e9 / 6e6, 1),
        bound="compute",
        roof_faces_per_s=100.0,
        share_of_roof=0.5,
    )
    half = under_roof(replace(work, gflops=0.001), peaks, "fp16", 4, 100.0)
    assert half is not None
    assert half.bound == "memory"
    assert half.roof_faces_per_s == pytest.approx(4 / (2 * 3e6 / 10e9), rel=0.01)
    assert under_roof(work, peaks, "int8", 1, 50.0) is None


def test_the_shipped_models_work() -> None:
    work, shape = count_work(CHECKPOINT)
    assert shape[0] == 3
    assert work.gflops > 0.01
    assert work.weights > 1e6
    # At the least its input and its output.
    assert work.activations > shape[1] * shape[2] * 3


def test_a_cpu_is_measured() -> None:
    peaks = measure_peaks("cpu", threads=1, seconds=0.05)
    assert set(peaks.gflops) == {"fp32"}
    assert peaks.gflops["fp32"] > 0
    assert peaks.gb_per_s > 0

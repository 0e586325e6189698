"""Flips and delays by hand, intervals, the verdict, and a head that learns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.train.temporal.conftest import observe_made
from train.temporal.comparison import (
    BASE,
    HEAD,
    HEAD_STEADY,
    SINGLE,
    average_name,
    compare_methods,
    methods,
    tally,
    verdict,
)
from train.temporal.head import HeadOptions, TemporalNet
from train.temporal.head_training import fit_head


def test_counts_by_hand() -> None:
    sequence = replace(observe_made(0, 4), change=2, degraded=np.array([True, False, False, True]))
    wrong = (sequence.truth + 1) % 4
    counts = tally([sequence], lambda s: np.where(np.arange(4) < 3, s.truth, wrong))
    assert counts.hits.tolist() == [3]
    assert counts.frames.tolist() == [4]
    assert (counts.hard_hits.tolist(), counts.hard_frames.tolist()) == ([1], [2])
    assert counts.flips.tolist() == [1]
    assert counts.minutes[0] == pytest.approx((sequence.times[-1] - sequence.times[0]) / 60)


@pytest.fixture(scope="module")
def head() -> TemporalNet:
    seen = [observe_made(seed) for seed in range(60)]
    return fit_head(seen, HeadOptions(steps=6, window_s=0.6, hidden=8), 12, seed=0)


def test_a_head_learns_whom_to_believe(head: TemporalNet) -> None:
    others = [observe_made(1000 + seed) for seed in range(30)]
    found = compare_methods(others, methods(head, 1.0), seed=0)
    assert set(found) == {
        *(SINGLE, HEAD, HEAD_STEADY),
        *(average_name(t) for t in (0.25, 0.5, 0.75)),
    }
    single, steady = found[SINGLE], found[HEAD_STEADY]
    assert steady["accuracy"]["value"] > single["accuracy"]["value"] + 10
    assert steady["flips_per_minute"]["value"] < single["flips_per_minute"]["value"] / 3
    for row in found.values():
        low, high = row["accuracy"]["interval"]
        assert low <= row["accuracy"]["value"] <= high
    assert found[BASE]["accuracy"]["difference"] == 0
    assert found[BASE]["accuracy"]["difference_interval"] == [0, 0]


def test_a_verdict_needs_every_condition() -> None:
    def row(accuracy: float, flips: float, delay: float) -> dict[str, object]:
        return {
            "accuracy": {"value": accuracy, "difference_interval": [accuracy - 81, 9]},
            "degraded_accuracy": {"value": accuracy, "difference_interval": [accuracy - 81, 9]},
            "flips_per_minute": {"value": flips},
            "added_delay_ms": {"value": delay},
        }

    averages = {average_name(tau): row(80, 10, 150) for tau in (0.25, 0.5, 0.75)}
    assert all(verdict({**averages, HEAD_STEADY: row(85, 9, 100)}).values())
    assert not all(verdict({**averages, HEAD_STEADY: row(80.5, 9, 100)}).values())
    assert not all(verdict({**averages, HEAD_STEADY: row(85, 11, 100)}).values())
    assert not all(verdict({**averages, HEAD_STEADY: row(85, 9, 301)}).values())
    better = {**averages, average_name(0.5): row(86, 1, 400)}
    assert not all(verdict({**better, HEAD_STEADY: row(85, 9, 100)}).values())

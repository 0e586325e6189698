"""Flips and delays by hand, intervals, the verdict, and a head that learns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

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
from train.temporal.head_training import fit_head, head_logits, make_windows
from train.temporal.observations import Observed
from train.temporal.stability import count_flips, delay_s


def _digits(text: str) -> np.ndarray:
    return np.array([int(c) for c in text])


def test_flips_and_delay_by_hand() -> None:
    raw, smooth, times = _digits("0020011011"), _digits("0000000111"), np.arange(10) / 10
    assert count_flips(raw, 5) == 4
    assert count_flips(smooth, 5) == 0, "following the face is no flip"
    assert delay_s(raw, raw, times, 5) == 0
    assert delay_s(smooth, raw, times, 5) == pytest.approx(0.2)
    uneven = times + np.where(times > 0.6, 0.5, 0)
    assert delay_s(smooth, raw, uneven, 5) == pytest.approx(0.7)


def test_a_label_that_never_comes_has_no_delay() -> None:
    raw, smooth, times = _digits("0000011111"), _digits("0000000000"), np.arange(10) / 10
    assert delay_s(smooth, raw, times, 5) is None
    assert count_flips(smooth, 5) == 0
    assert delay_s(smooth, smooth, times, 5) is None, "the same label is no change"
    assert delay_s(raw, raw, times, 10) is None, "one face"
    assert count_flips(_digits("0100"), 4) == 2


def _observed(seed: int, count: int = 40, classes: int = 4) -> Observed:
    """Two faces; a third of the frames say nothing, and look it (they are flat)."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(classes)[:2]
    truth = np.repeat(labels, count // 2)
    flat = rng.random(count) < 0.35
    sharp = np.full((count, classes), 0.02) + rng.dirichlet(np.ones(classes), count) * 0.02
    sharp[np.arange(count), truth] = 0.9
    vague = 0.25 + rng.normal(0, 0.03, (count, classes)).clip(-0.1, 0.1)
    rows = np.where(flat[:, None], vague, sharp)
    rows /= rows.sum(1, keepdims=True)
    return Observed(
        times=np.cumsum(rng.uniform(0.05, 0.15, count)),
        probabilities=rows,
        features=rng.normal(size=(count, 3)).astype(np.float32),
        targets=np.eye(classes, dtype=np.float32)[truth],
        truth=truth,
        degraded=flat,
        change=count // 2,
    )


def test_counts_by_hand() -> None:
    sequence = replace(_observed(0, 4), change=2, degraded=np.array([True, False, False, True]))
    wrong = (sequence.truth + 1) % 4
    counts = tally([sequence], lambda s: np.where(np.arange(4) < 3, s.truth, wrong))
    assert counts.hits.tolist() == [3]
    assert counts.frames.tolist() == [4]
    assert (counts.hard_hits.tolist(), counts.hard_frames.tolist()) == ([1], [2])
    assert counts.flips.tolist() == [1]
    assert counts.minutes[0] == pytest.approx((sequence.times[-1] - sequence.times[0]) / 60)


@pytest.fixture(scope="module")
def head() -> TemporalNet:
    seen = [_observed(seed) for seed in range(60)]
    return fit_head(seen, HeadOptions(steps=6, window_s=0.6, hidden=8), 12, seed=0)


def test_a_head_learns_whom_to_believe(head: TemporalNet) -> None:
    others = [_observed(1000 + seed) for seed in range(30)]
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


def test_untrained_it_is_a_plain_average_of_what_was_seen() -> None:
    sequence, options = _observed(0), HeadOptions(steps=5, window_s=0.5)
    windows = make_windows(sequence, options)
    mean = windows.sum(1) / windows.sum((1, 2))[:, None]
    logits = head_logits(TemporalNet(options, 4).eval(), sequence)
    assert np.allclose(np.exp(logits), mean, atol=1e-5)


def test_features_are_read_beside_the_probabilities() -> None:
    seen = [_observed(seed) for seed in range(4)]
    options = HeadOptions(steps=4, window_s=0.5, hidden=4, features=3)
    net = fit_head(seen, options, 1, seed=0)
    # One epoch hardly moves it from zero.
    torch.nn.init.ones_(net.correct.weight)
    other = replace(seen[0], features=seen[0].features + 5)
    assert not np.allclose(head_logits(net, seen[0]), head_logits(net, other))


def test_the_same_seed_gives_the_same_head() -> None:
    seen = [_observed(seed) for seed in range(4)]
    one, two = (fit_head(seen, HeadOptions(hidden=4), 1, seed=3) for _ in range(2))
    assert np.array_equal(head_logits(one, seen[0]), head_logits(two, seen[0]))


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

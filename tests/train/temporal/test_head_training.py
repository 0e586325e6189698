"""A head begins as an average, reads features and is the same for the same seed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from tests.train.temporal.conftest import observe_made
from train.temporal.head import HeadOptions, TemporalNet
from train.temporal.head_training import fit_head, head_logits, make_windows


def test_untrained_it_is_a_plain_average_of_what_was_seen() -> None:
    sequence, options = observe_made(0), HeadOptions(steps=5, window_s=0.5)
    windows = make_windows(sequence, options)
    mean = windows.sum(1) / windows.sum((1, 2))[:, None]
    logits = head_logits(TemporalNet(options, 4).eval(), sequence)
    assert np.allclose(np.exp(logits), mean, atol=1e-5)


def test_features_are_read_beside_the_probabilities() -> None:
    seen = [observe_made(seed) for seed in range(4)]
    options = HeadOptions(steps=4, window_s=0.5, hidden=4, features=3)
    net = fit_head(seen, options, 1, seed=0)
    # One epoch hardly moves it from zero.
    torch.nn.init.ones_(net.correct.weight)
    other = replace(seen[0], features=seen[0].features + 5)
    assert not np.allclose(head_logits(net, seen[0]), head_logits(net, other))


def test_the_same_seed_gives_the_same_head() -> None:
    seen = [observe_made(seed) for seed in range(4)]
    one, two = (fit_head(seen, HeadOptions(hidden=4), 1, seed=3) for _ in range(2))
    assert np.array_equal(head_logits(one, seen[0]), head_logits(two, seen[0]))

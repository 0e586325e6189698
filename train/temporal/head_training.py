"""Windows of observed sequences, and a head trained on them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from runtime.emotion.temporal import History
from train.progress import show_progress
from train.temporal.head import HeadOptions, TemporalNet
from train.temporal.observations import Observed

_BATCH = 256
_RATE = 3e-3

#: Weight of the change of probability between two frames of one face.
_STEADY = 2.0


def make_windows(sequence: Observed, options: HeadOptions) -> NDArray[np.float32]:
    """Makes (T, steps, C + F) float32: for each frame the window that ends at it."""
    rows = sequence.probabilities
    if options.features:
        rows = np.concatenate([rows, sequence.features], 1)
    history = History(options.steps, options.window_s)
    windows = []
    for time_s, row in zip(sequence.times, rows, strict=True):
        history.push(float(time_s), row)
        windows.append(history.window())
    return np.stack(windows)


def fit_head(
    sequences: Sequence[Observed], options: HeadOptions, epochs: int, seed: int
) -> TemporalNet:
    """Trains a head to give the vote distribution of the face at the newest frame.

    Args:
        sequences: What to learn from.
        options: Architecture.
        epochs: Passes over all windows.
        seed: Seed of weights and order.

    Returns:
        The head in evaluation mode.
    """
    torch.manual_seed(seed)
    inputs = torch.from_numpy(np.concatenate([make_windows(s, options) for s in sequences]))
    targets = torch.from_numpy(np.concatenate([s.targets for s in sequences]))
    before = _predecessors(sequences)
    net = TemporalNet(options, targets.shape[1])
    steps = epochs * math.ceil(len(inputs) / _BATCH)
    optimizer = torch.optim.AdamW(net.parameters(), _RATE, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _RATE, total_steps=steps)
    progress = show_progress(range(epochs), "head", unit="epochs")
    for _ in progress:
        total = 0.0
        for part in torch.split(torch.randperm(len(inputs)), _BATCH):
            pairs = torch.cat([part, before[part]])
            batch, wanted = _renamed(inputs[pairs], targets[pairs])
            logits = net(batch)
            loss = nn.functional.cross_entropy(logits, wanted)
            # The same face: what changes between two frames is flicker.
            now, then = logits.softmax(1).chunk(2)
            loss = loss + _STEADY * (now - then).abs().sum(1).mean()
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            total += float(loss.detach()) * len(part)
        progress.set_postfix_str(f"loss {total / len(inputs):.4f}", refresh=False)
    return net.eval()


def head_logits(net: TemporalNet, sequence: Observed) -> NDArray[np.float32]:
    """Computes (T, C) logits of a head at each frame of a sequence."""
    with torch.inference_mode():
        logits: Tensor = net(torch.from_numpy(make_windows(sequence, net.options)))
    return logits.numpy()


def _predecessors(sequences: Sequence[Observed]) -> Tensor:
    """Gives for each of N windows, int64, the one before of the same face, or itself."""
    places, start = [], 0
    for sequence in sequences:
        count = len(sequence.times)
        own = np.arange(count) - 1
        own[[first for first in (0, sequence.change) if first < count]] += 1
        places.append(own + start)
        start += count
    return torch.from_numpy(np.concatenate(places))


def _renamed(inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Puts the labels of half of the pairs of windows in another order.

    Few faces make many windows: with the labels as they are a head learns the
    faces by heart, and forgets how to tell a good frame from a bad one.

    Args:
        inputs: (2 N, steps, C + F), first N windows, then their predecessors.
        targets: (2 N, C).
    """
    pairs, classes = len(targets) // 2, targets.shape[1]
    order = torch.rand(pairs, classes).argsort(1)
    order[torch.rand(pairs) < 0.5] = torch.arange(classes)
    order = order.repeat(2, 1)
    spread = order[:, None].expand(-1, inputs.shape[1], -1)
    shares = inputs[..., :classes].gather(2, spread)
    return torch.cat([shares, inputs[..., classes:]], -1), targets.gather(1, order)

"""Made observations that the tests of this folder share."""

from __future__ import annotations

import numpy as np

from train.temporal.observations import Observed


def observe_made(seed: int, count: int = 40, classes: int = 4) -> Observed:
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

"""`python -m calibration.temperature`: makes a checkpoint's confidence mean what it says.

Temperature scaling (Guo et al. 2017, "On Calibration of Modern Neural
Networks"): one number divides the logits before softmax. No label changes.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime.emotion.classifier import softmax
from runtime.errors import UserError
from runtime.support.cli import option, parse_options, run_command
from train.datasets import DATASETS

PROG = "python -m calibration.temperature"

Floats = NDArray[np.floating[Any]]


@dataclass
class TemperatureOptions:
    """Fit the confidence temperature of a checkpoint, and write it into the checkpoint."""

    checkpoint: str = option("checkpoint that train.fit wrote (.safetensors)")
    data_dir: str = option("folder of the data set")
    dataset: str = option("its layout", "ferplus", choices=DATASETS)
    split: str = option("its part; not the one trained on", "valid", choices=("valid", "test"))
    target: str = option(
        "what confidence shall mean: how often the majority agrees, or the share of votes",
        "majority",
        choices=("majority", "votes"),
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    # Before PyTorch starts its threads: spinning ones starve each other where
    # cores are few and shared.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    calibrate(parse_options(TemperatureOptions, PROG, argv))
    return 0


def calibrate(options: TemperatureOptions) -> float:
    """Fits the temperature and rewrites the checkpoint with it.

    Returns:
        The temperature.

    Raises:
        UserError: The checkpoint or the data can't be used.
    """
    from train.checkpoint import load_checkpoint, save_checkpoint
    from train.data.batches import face_logits
    from train.datasets import load_faces
    from train.evaluate.scores import BINS, calibration_error, negative_log_likelihood

    path = Path(options.checkpoint)
    net, manifest = load_checkpoint(path)
    faces = load_faces(Path(options.data_dir), options.dataset, options.split)
    faces = faces.in_classes_of(manifest.labels)
    print(f"{path}: logits of {len(faces)} faces ({faces.name})", flush=True)
    logits = face_logits(net, faces, manifest.preprocess).numpy()
    targets = faces.targets()
    if not np.isfinite(logits).all():
        raise UserError(f"{path}: the network's logits are not finite; train it again")
    counts = faces.majority >= 0
    counted = int(counts.sum())
    target = options.target if counted else "votes"
    if target == "majority":
        labels = np.eye(len(faces.labels))[faces.majority[counts]]
        temperature = round(fit_temperature(logits[counts], labels), 4)
    else:
        temperature = round(fit_temperature(logits, targets), 4)
    figures: dict[str, Any] = {"data": faces.name, "target": target, "n": len(faces), "bins": BINS}
    figures["n_majority"] = counted
    for when, divisor in (("before", 1.0), ("after", temperature)):
        nll = negative_log_likelihood(logits / divisor, targets)
        figures[f"nll_{when}"] = round(nll, 4)
        line = f"temperature {divisor:.3f}: NLL {nll:.4f} (n = {len(faces)})"
        if counted:
            ece = calibration_error(logits / divisor, faces.majority)
            figures[f"ece_{when}"] = round(ece, 4)
            line += f", ECE {ece:.4f} ({BINS} bins, n = {counted})"
        print(line)
    metrics = {**manifest.metrics, "calibration": figures}
    manifest = replace(manifest, temperature=temperature, metrics=metrics)
    save_checkpoint(path, net.state_dict(), manifest)
    print(f"{path}: temperature {temperature:.3f} written")
    return temperature


def fit_temperature(logits: Floats, targets: Floats) -> float:
    """The temperature that minimises the likelihood loss against distributions.

    The loss is convex in the inverse temperature, so its slope is bisected.

    Args:
        logits: (N, C) finite.
        targets: (N, C) distributions; rows add up to one.

    Returns:
        The temperature, within 0.05 and 20.
    """
    logits = np.asarray(logits, np.float64)
    wanted = (targets * logits).sum(1).mean()
    low, high = np.log(1 / 20), np.log(1 / 0.05)
    for _ in range(60):
        middle = (low + high) / 2
        probabilities = softmax(np.exp(middle) * logits)
        if (probabilities * logits).sum(1).mean() > wanted:
            high = middle
        else:
            low = middle
    return float(np.exp(-(low + high) / 2))


if __name__ == "__main__":
    sys.exit(run_command(main, None))

"""`python -m calibration.temperature`: makes a checkpoint's confidence mean what it says.

Temperature scaling (Guo et al. 2017, "On Calibration of Modern Neural
Networks"): one number divides the logits before softmax. No label changes.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from runtime.support.cli import option, parse_options, run_command
from train.datasets.catalogue import DATASETS
from train.threads import let_threads_sleep

PROG = "python -m calibration.temperature"


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
    """Runs the command; returns its exit code."""
    let_threads_sleep()
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
    from train.datasets.catalogue import load_faces
    from train.inference import face_logits
    from train.scores import BINS, calibration_error, negative_log_likelihood
    from train.temperature import fit_temperature
    from train.torch_engine import TorchEngine

    path = Path(options.checkpoint)
    net, manifest = load_checkpoint(path)
    faces = load_faces(Path(options.data_dir), options.dataset, options.split)
    faces = faces.in_classes_of(manifest.labels)
    print(f"{path}: logits of {len(faces)} faces ({faces.name})", flush=True)
    logits = face_logits(TorchEngine(net, manifest, str(path)), faces)
    targets = faces.targets()
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


if __name__ == "__main__":
    sys.exit(run_command(main, None))

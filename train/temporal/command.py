"""`python -m train.temporal`: trains a head on made sequences, and compares it with smoothing."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime.manifest import Manifest, file_hash
from runtime.support.cli import option, parse_options
from runtime.support.files.inputs import check_apart
from runtime.support.files.writing import check_writable, write_whole
from train.datasets.catalogue import DATASETS
from train.threads import let_threads_sleep, use_threads

if TYPE_CHECKING:
    from train.temporal.head import HeadOptions, TemporalNet
    from train.temporal.observations import Observed

PROG = "python -m train.temporal"

#: Short sequences to learn from: more faces for as many frames.
_TRAIN_SECONDS = 1.2

_COLUMNS = {
    "accuracy": "accuracy %",
    "degraded_accuracy": "degraded frames %",
    "flips_per_minute": "flips a minute",
    "added_delay_ms": "added delay, ms",
}


@dataclass
class TemporalOptions:
    """Train a temporal head on made sequences, and compare it with plain smoothing."""

    model: str = option("checkpoint of the emotion model (.safetensors); it stays as it is")
    data_dir: str = option("folder of the data set that sequences are made of")
    output: str = option("where the head goes", "out/temporal/head.safetensors")
    output_json: str | None = option("write the figures here", None)
    dataset: str = option("layout of the data set", "ferplus", choices=DATASETS)
    sequences: int = option(
        "sequences to learn from, of the training split", 1000, between=(2, math.inf)
    )
    judge_sequences: int = option(
        "sequences to compare on, of the validation split", 400, between=(2, math.inf)
    )
    epochs: int = option("passes over what is learned from", 10, between=(1, math.inf))
    steps: int = option("steps of the window", 12, between=(2, 256))
    window_s: float = option("length of the window in seconds", 1.0, between=(0.1, 10))
    hidden: int = option("hidden units in each direction", 24, between=(1, 1024))
    features: bool = option(
        "also train a head that reads the network's features, for comparison", True
    )
    seed: int = option("seed of sequences, weights and order", 0, between=(0, math.inf))
    threads: int = option("CPU threads", 1, between=(1, 256))


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    let_threads_sleep()
    train_head(parse_options(TemporalOptions, PROG, argv))
    return 0


def train_head(options: TemporalOptions) -> dict[str, Any]:
    """Makes sequences, trains, compares, writes the head and the figures.

    Returns:
        What `--output_json` holds.

    Raises:
        UserError: The model, the data or an output can't be used.
    """
    from train.checkpoint import load_checkpoint, save_checkpoint, tool_versions
    from train.datasets.catalogue import load_faces
    from train.temporal.comparison import (
        HEAD,
        HEAD_STEADY,
        calibration_errors,
        compare_methods,
        methods,
        verdict,
    )
    from train.temporal.head import HeadOptions
    from train.temporal.observations import observe
    from train.temporal.sequences import SequenceOptions

    start = time.monotonic()
    outputs = {"--output": options.output, "--output_json": options.output_json}
    check_apart(outputs, [options.model])
    for flag, name in outputs.items():
        if name is not None:
            check_writable(Path(name), flag)
    use_threads(options.threads)
    net, manifest = load_checkpoint(Path(options.model))
    made = {"train": SequenceOptions(seconds=_TRAIN_SECONDS), "valid": SequenceOptions()}
    counts = {"train": options.sequences, "valid": options.judge_sequences}
    seen: dict[str, list[Observed]] = {}
    for number, (split, how) in enumerate(made.items()):
        faces = load_faces(Path(options.data_dir), options.dataset, split)
        faces = faces.in_classes_of(manifest.labels).with_majority()
        seed = (options.seed, number)
        seen[split] = observe(net, manifest, faces, how, counts[split], seed)
    architecture = HeadOptions(options.steps, options.window_s, options.hidden)
    head, head_temperature = _train(seen["train"], architecture, options)
    compared = methods(head, head_temperature)
    if options.features:
        width = seen["train"][0].features.shape[1]
        rich = _train(seen["train"], replace(architecture, features=width), options)
        compared |= {
            f"{name}, on features": method
            for name, method in methods(*rich).items()
            if name in (HEAD, HEAD_STEADY)
        }
    found = compare_methods(seen["valid"], compared, options.seed)
    figures: dict[str, Any] = {
        "model": {"file": Path(options.model).name, "sha256": file_hash(Path(options.model))},
        "options": asdict(options),
        "train": _describe(seen["train"]),
        "valid": _describe(seen["valid"]),
        "methods": found,
        "calibration_error": calibration_errors(seen["valid"], head, head_temperature),
        "verdict": verdict(found),
    }
    described = Manifest(
        labels=manifest.labels,
        preprocess=manifest.preprocess,
        temperature=head_temperature,
        model=head.describe(),
        metrics={key: figures[key] for key in ("model", "valid", "methods", "verdict")},
        tools=tool_versions("torch"),
    )
    save_checkpoint(Path(options.output), head.state_dict(), described)
    figures["seconds"] = round(time.monotonic() - start, 1)
    if options.output_json is not None:
        write_whole(
            Path(options.output_json), json.dumps(figures, indent=2) + "\n", "--output_json"
        )
    print(markdown(figures))
    print(f"{options.output}: {figures['seconds']} s", file=sys.stderr)
    return figures


def markdown(figures: Mapping[str, Any]) -> str:
    """Makes the comparison as a Markdown table with the verdict below it."""
    from train.temporal.comparison import BASE

    lines = ["| | " + " | ".join(_COLUMNS.values()) + " |", "|---" * (len(_COLUMNS) + 1) + "|"]
    for name, row in figures["methods"].items():
        cells = [_cell(row[key], name != BASE) for key in _COLUMNS]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    valid = figures["valid"]
    lines += [
        "",
        f"{valid['sequences']} sequences, {valid['frames']} frames, {valid['minutes']} minutes, "
        f"{valid['degraded_percent']}% of the frames degraded; in brackets the 95% interval of "
        f"the difference from the {BASE}, the runtime's default.",
    ]
    errors = [f"{name} {error:.3f}" for name, error in figures["calibration_error"].items()]
    lines.append(f"Expected calibration error: {', '.join(errors)}.")
    failed = [name.replace("_", " ") for name, holds in figures["verdict"].items() if not holds]
    lines.append(f"The head {'wins' if not failed else 'does not win: not ' + ', '.join(failed)}.")
    return "\n".join(lines)


def _train(
    sequences: Sequence[Observed], architecture: HeadOptions, options: TemporalOptions
) -> tuple[TemporalNet, float]:
    """Fits a head and its temperature to these sequences."""
    import numpy as np

    from train.temperature import fit_temperature
    from train.temporal.head_training import fit_head, head_logits

    head = fit_head(sequences, architecture, options.epochs, options.seed)
    logits = np.concatenate([head_logits(head, s) for s in sequences])
    truth = np.concatenate([s.truth for s in sequences])
    return head, round(fit_temperature(logits, np.eye(logits.shape[1])[truth]), 4)


def _describe(sequences: Sequence[Observed]) -> dict[str, Any]:
    frames = sum(len(s.times) for s in sequences)
    return {
        "sequences": len(sequences),
        "frames": frames,
        "minutes": round(sum(s.times[-1] - s.times[0] for s in sequences) / 60, 1),
        "degraded_percent": round(100 * sum(int(s.degraded.sum()) for s in sequences) / frames),
    }


def _cell(figure: Mapping[str, Any], compare: bool) -> str:
    value, (low, high) = figure["value"], figure["difference_interval"]
    if value is None:
        return "none"
    return (
        f"{value:.1f} ({low:+.1f} to {high:+.1f})"
        if compare and low is not None
        else f"{value:.1f}"
    )

"""`python -m benchmarks.loading`: does training wait for its data?

Trains steps on one batch that is already there, and steps on batches that the
loader makes (augmentation, preprocessing), in turns, so that a noisy machine
slows both. Their ratio is the share of the step rate that the loader leaves.
"""

from __future__ import annotations

import math
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.harness.options import CompareOptions, rounds_option
from benchmarks.harness.schema.loading import LoadingReport, LoadingSamples
from benchmarks.regression.session import begin, finish, header
from runtime.errors import UserError
from runtime.support.cli import option, parse_options, run_command
from train.datasets.catalogue import DATASETS
from train.threads import let_threads_sleep, use_threads

if TYPE_CHECKING:
    from train.fit.options import FitOptions

PROG = "python -m benchmarks.loading"


@dataclass(kw_only=True)
class LoadingOptions(CompareOptions):
    """Measure the training's input pipeline against the network's own step."""

    data_dir: str = option("folder of the data set")
    dataset: str = option("its layout", "ferplus", choices=DATASETS)
    recipe: str = option("YAML of train.fit's options", "")
    num_workers: int = option("loader processes", 0, between=(0, 256))
    threads: int = option("CPU threads; 0 leaves the choice to PyTorch", 1, between=(0, 256))
    rounds: int = rounds_option("rounds, each both ways", 5)
    steps: int = option("steps a round and way", 10, between=(2, math.inf))


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    let_threads_sleep()
    options = parse_options(LoadingOptions, PROG, argv)
    old = begin("loading", options, rounds=options.rounds)
    return finish(measure(options), options, old, show=True)


def measure(options: LoadingOptions) -> LoadingReport:
    """Runs the comparison; see the module's text.

    Raises:
        UserError: The data set is missing, or too small for a round.
    """
    import torch

    from train.datasets.catalogue import load_faces
    from train.fit.build import make_data

    first = header("loading", options)
    recipe = _recipe(options)
    use_threads(options.threads)
    faces = load_faces(Path(options.data_dir), options.dataset, "train").with_votes()
    if len(faces) < options.steps * recipe.batch_size:
        raise UserError(
            f"{faces.name}: {len(faces)} faces are too few for --steps {options.steps} of "
            f"{recipe.batch_size}"
        )
    data = make_data(recipe, faces, faces)
    step = _stepper(recipe, len(faces.labels))
    cached = next(iter(data.train_dataloader()))
    for _ in range(3):
        step(cached)
    times: dict[str, list[float]] = {"cached": [], "loaded": [], "loader": []}
    for number in range(options.rounds):
        start = time.perf_counter()
        for _ in range(options.steps):
            step(cached)
        times["cached"].append(time.perf_counter() - start)
        for name, act in (("loaded", step), ("loader", None)):
            batches = iter(data.train_dataloader())
            # The first batch starts the workers, once an epoch.
            next(batches)
            start = time.perf_counter()
            for _ in range(options.steps - 1):
                batch = next(batches)
                if act is not None:
                    act(batch)
            times[name].append((time.perf_counter() - start) * options.steps / (options.steps - 1))
        print(f"round {number + 1} of {options.rounds}", file=sys.stderr, flush=True)
    rates = {
        name: options.steps * recipe.batch_size / statistics.median(values)
        for name, values in times.items()
    }
    ratios = [a / b for a, b in zip(times["cached"], times["loaded"], strict=True)]
    return LoadingReport(
        **first,
        faces=faces.name,
        backbone=recipe.backbone,
        image_size=recipe.image_size,
        batch_size=recipe.batch_size,
        num_workers=options.num_workers,
        threads=torch.get_num_threads(),
        device="cuda" if torch.cuda.is_available() else "cpu",
        step_faces_per_s=round(rates["cached"], 1),
        training_faces_per_s=round(rates["loaded"], 1),
        loader_alone_faces_per_s=round(rates["loader"], 1),
        part_of_step_rate=round(statistics.median(ratios), 3),
        load_average=round(os.getloadavg()[0], 1),
        samples=LoadingSamples(
            part_of_step_rate=[round(v, 4) for v in ratios],
            loader_over_step=[
                round(a / b, 5) for a, b in zip(times["loader"], times["cached"], strict=True)
            ],
        ),
    )


def _recipe(options: LoadingOptions) -> FitOptions:
    from train.fit.options import FitOptions

    flags = ["--config", options.recipe] if options.recipe else []
    flags += ["--data_dir", options.data_dir, "--dataset", options.dataset]
    # At the full size: the first, smaller epochs have less to do on both sides.
    flags += ["--num_workers", str(options.num_workers), "--warm_epochs", "0"]
    return parse_options(FitOptions, PROG, flags)


def _stepper(recipe: FitOptions, classes: int) -> Callable[[Any], None]:
    """One optimizer step on a batch, as `train.fit.module` takes it."""
    import torch
    from torch.nn import functional

    from train.fit.schedule import ScheduleOptions, make_optimizer
    from train.models.emotion_net import EmotionNet, ModelOptions

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    architecture = {f.name: getattr(recipe, f.name) for f in fields(ModelOptions)}
    net = EmotionNet(ModelOptions(**architecture), classes)
    net = net.to(memory_format=torch.channels_last).to(device)
    optimizer = make_optimizer(net, ScheduleOptions(), fused=True)

    def step(batch: Any) -> None:
        inputs, targets = (tensor.to(device, non_blocking=True) for tensor in batch[:2])
        optimizer.zero_grad()
        logits = net(inputs.contiguous(memory_format=torch.channels_last))
        torch.autograd.backward(functional.cross_entropy(logits, targets))
        optimizer.step()
        if device.type == "cuda":
            torch.cuda.synchronize()

    return step


if __name__ == "__main__":
    sys.exit(run_command(main, None))

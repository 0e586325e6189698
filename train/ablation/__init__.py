"""`python -m train.ablation`: what each part of the network is worth."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from runtime.errors import UserError
from runtime.support.cli import option
from runtime.support.files.writing import check_writable
from train.datasets import DATASETS

VARIANTS = ("baseline", "attention", "full", "full_unweighted")


@dataclass
class AblationOptions:
    """Train variants of the network from equal seeds and compare them."""

    data_dir: str = option("folder of the data set")
    dataset: str | None = option("its layout; else the recipe's", None, choices=DATASETS)
    output_dir: str = option("where runs, table and plot go", "ablation")
    epochs: int | None = option(
        "passes over the training faces; else the recipe's", None, between=(1, 100_000)
    )
    seeds: int = option(
        "runs of each variant, with the recipe's seed, the next one, ...", 3, between=(1, 1000)
    )
    variants: list[str] = option("which to train", list(VARIANTS), choices=VARIANTS)
    recipe: str = option("YAML of train.fit's options that all variants share", "")
    limit_train: int | None = option(
        "use only N training faces, spread over the set; 0 uses all; else the recipe's",
        None,
        between=(0, math.inf),
    )
    limit_valid: int | None = option(
        "likewise for the validation faces", None, between=(0, math.inf)
    )
    threads: int | None = option("CPU threads; else the recipe's", None, between=(0, 256))
    num_workers: int | None = option("loader processes; else the recipe's", None, between=(0, 256))


def ablate(options: AblationOptions) -> Path:
    """Trains what isn't trained yet, and writes the table anew after each training.

    Finished runs are kept in the output folder and never repeated; an
    unfinished one goes on from its last epoch.

    Returns:
        Path of the table (Markdown).

    Raises:
        UserError: Options or data are wrong, or the folder holds runs that
            were made with other options.
    """
    from train.ablation.cost import measure_cost
    from train.ablation.runs import finish, plan_runs
    from train.ablation.table import summarise, write_table
    from train.checkpoint import load_checkpoint

    folder = Path(options.output_dir)
    check_writable(folder / "ablation.json", "--output_dir")
    if len(set(options.variants)) < len(options.variants):
        raise UserError("--variants names one twice")
    runs = plan_runs(options)
    table = folder / "ablation.md"
    for number, run in enumerate(runs, 1):
        print(f"run {number} of {len(runs)}: {run.variant}, seed {run.seed}", flush=True)
        last = number == len(runs)
        if not finish(run) and not last:
            continue
        done = {v: [r for r in runs[:number] if r.variant == v] for v in options.variants}
        rows = summarise({v: [r.result() for r in group] for v, group in done.items() if group})
        nets = {v: load_checkpoint(done[v][0].best)[0] for v in done if last}
        size = run.options.image_size
        cost = measure_cost(nets, size) if last else {}
        try:
            write_table(folder, rows, cost, run.options)
        except OSError as error:
            raise UserError(f"{error.filename or folder}: {error.strerror or error}") from error
    print(table.read_text(encoding="utf-8"))
    return table

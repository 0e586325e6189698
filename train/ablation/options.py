"""The options of `train.ablation`."""

from __future__ import annotations

import math
from dataclasses import dataclass

from runtime.support.cli import option
from train.datasets.catalogue import DATASETS

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

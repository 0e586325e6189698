"""The options of `train.evaluate`."""

from __future__ import annotations

import math
from dataclasses import dataclass

from runtime.engines.providers import PROVIDERS
from runtime.support.cli import option
from train.datasets.catalogue import DATASETS


@dataclass
class EvaluateOptions:
    """Evaluate a checkpoint or an exported model: figures, plots and a report."""

    data_dir: str = option("folder of the data set")
    checkpoint_path: str | None = option("checkpoint that train.fit wrote (.safetensors)", None)
    engine: str | None = option("or an exported model, or a shipped one: main, fast", None)
    dataset: str = option("layout of the data set", "ferplus", choices=DATASETS)
    split: str = option("its part", "valid", choices=("valid", "test"))
    output_dir: str = option("where everything goes", "out/evaluation")
    limit: int = option("faces to use, evenly spread; 0 uses all", 0, between=(0, math.inf))
    corruption_limit: int = option(
        "faces for the corruptions, evenly spread; 0 uses all", 1000, between=(0, math.inf)
    )
    skip_corruptions: bool = option("don't measure accuracy under corruptions", False)
    backgrounds: list[str] = option(
        "pictures, folders or videos whose places without a face shall leave the model uncertain",
        [],
    )
    skip_copies: bool = option("don't look for faces that the training split has too", False)
    seed: int = option("seed of the corruptions", 0, between=(0, math.inf))
    provider: str = option("where an exported model runs", "cpu", choices=PROVIDERS)
    threads: int = option("CPU threads of an exported model", 2, between=(1, 256))

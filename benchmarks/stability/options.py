"""Options of `python -m benchmarks.stability`."""

from __future__ import annotations

import math
from dataclasses import dataclass

from benchmarks.harness.options import CompareOptions, EngineOption
from runtime.support.cli import option
from train.datasets.catalogue import DATASETS


@dataclass(kw_only=True)
class StabilityOptions(CompareOptions, EngineOption):
    """Measure label flips, added delay and accuracy, of single frames and smoothed."""

    data_dir: str | None = option("folder of the data set that sequences are made of", None)
    dataset: str = option("its layout", "ferplus", choices=DATASETS)
    split: str = option("split to use", "valid", choices=("train", "valid", "test"))
    clip: list[str] | None = option("video whose flips are counted as well", None)
    sequences: int = option("how many sequences", 40, between=(1, math.inf))
    seconds: float = option("length of each half of a sequence", 3.0, between=(0.5, 600))
    fps: float = option("frames a second", 15.0, between=(2, 240))
    noise: float = option("the sensor's noise, of 255", 12.0, between=(0, 128))
    temporal_head: str = option(
        "what steadies the labels, as the runtime takes it: a file, default, none or auto", "auto"
    )
    smoothing_s: float | None = option(
        "time constant of the average where there is no head, in seconds", None, between=(0, 60)
    )
    seed: int = option("seed of faces and changes", 0, between=(0, math.inf))

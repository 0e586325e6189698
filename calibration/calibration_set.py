"""The options that whatever calibrates INT8 shares."""

from __future__ import annotations

import math
from dataclasses import dataclass

from runtime.support.cli import option
from train.datasets.catalogue import DATASETS

METHODS = ("percentile", "minmax", "entropy")

#: Layouts that calibration reads: the data sets, and any folder of pictures with faces in them.
SOURCES = (*DATASETS, "pictures")


@dataclass(kw_only=True)
class CalibrationOptions:
    """Where ranges come from."""

    calibration_dir: str | None = option(
        "faces to calibrate INT8 with; else the training part of --data_dir", None
    )
    calibration_dataset: str | None = option(
        "their layout, or pictures: any folder; else --dataset", None, choices=SOURCES
    )
    calibration_samples: int = option("how many of them", 512, between=(1, math.inf))
    calibration_method: str = option(
        "how ranges follow from values; entropy takes minutes", "percentile", choices=METHODS
    )
    seed: int = option("which faces are drawn for calibration", 0, between=(0, math.inf))
    ranges: str | None = option("file of ranges: read where it exists, else written", None)

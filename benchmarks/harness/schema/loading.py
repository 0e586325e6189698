"""The report of `benchmarks.loading`."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.harness.schema.common import ComparableReport


@dataclass(frozen=True, kw_only=True)
class LoadingSamples:
    """One value a round: what is left of the step's rate, and the loader's time over a step's."""

    part_of_step_rate: list[float]
    loader_over_step: list[float]


@dataclass(frozen=True, kw_only=True)
class LoadingReport(ComparableReport):
    """The training's input against the network's own step.

    Attributes:
        faces: Name of the data set.
        backbone: Of the network.
        image_size: Side of its input, in pixels.
        batch_size: Faces in a step.
        num_workers: Loader processes.
        threads: PyTorch's.
        device: `cpu` or `cuda`.
        step_faces_per_s: Rate on a batch that is there.
        training_faces_per_s: Rate on batches that the loader makes.
        loader_alone_faces_per_s: The loader's own rate.
        part_of_step_rate: The second over the first.
        load_average: Load of the last minute, at the end.
        samples: For `--compare`.
    """

    faces: str
    backbone: str
    image_size: int
    batch_size: int
    num_workers: int
    threads: int
    device: str
    step_faces_per_s: float
    training_faces_per_s: float
    loader_alone_faces_per_s: float
    part_of_step_rate: float
    load_average: float
    samples: LoadingSamples

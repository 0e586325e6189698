"""Labels of sequences made of data-set faces: one face for some seconds, then another."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness.hits import fingerprint
from benchmarks.harness.schema.stability import (
    AddedDelay,
    LabelFigures,
    Sequences,
    StabilitySamples,
)
from benchmarks.stability.options import StabilityOptions
from runtime.emotion.smoothing import Smoother
from runtime.emotion.temporal import TrackHistories
from runtime.errors import UserError
from runtime.pipeline.recognition import make_smoother
from train.temporal.sequences import FaceSequence, SequenceOptions, make_sequence
from train.temporal.stability import count_flips, delay_s

if TYPE_CHECKING:
    from runtime.emotion.classifier import Classifier
    from runtime.emotion.temporal import TemporalHead
    from train.datasets.faces import FaceSet


@dataclass(frozen=True, eq=False)
class SequenceLabels:
    """Labels of one sequence, frame by frame.

    Attributes:
        truth: (T,) index of the face's majority label.
        raw: (T,) most probable label of each frame alone.
        smooth: (T,) label after smoothing.
        times: (T,) seconds.
        change: First frame of the second face.
    """

    truth: NDArray[np.int64]
    raw: NDArray[np.int64]
    smooth: NDArray[np.int64]
    times: NDArray[np.float64]
    change: int

    def delay_s(self, labels: NDArray[np.int64]) -> float | None:
        """As `train.temporal.stability.delay_s`."""
        return delay_s(labels, self.raw, self.times, self.change)


def measure_sequences(options: StabilityOptions) -> Sequences:
    """Labels over sequences of data-set faces.

    Raises:
        UserError: The data or the model can't be read, or all faces have one label.
    """
    from runtime.emotion.classifier import Classifier
    from runtime.emotion.temporal import choose_head
    from runtime.engines.factory import open_engine
    from train.datasets.catalogue import load_faces

    engine = open_engine(options.engine)
    head = choose_head(options.temporal_head, engine.manifest, options.smoothing_s)
    faces = load_faces(Path(str(options.data_dir)), options.dataset, options.split)
    faces = faces.with_majority().relabel(engine.manifest.labels)
    classifier = Classifier(engine, 32)
    if len(set(faces.majority)) < 2:
        raise UserError(f"{faces.name}: sequences need faces of two labels")
    runs = []
    for number in range(options.sequences):
        rng = np.random.default_rng((options.seed, number))
        made = make_sequence(faces, _how(options), rng)
        smoother = make_smoother(options.smoothing_s, head)
        runs.append(_label(classifier, faces, made, smoother, head))
        print(f"\r{number + 1} of {options.sequences} sequences", end="", file=sys.stderr)
    print(file=sys.stderr)
    engine.close()
    if head is not None:
        head.close()
    return summarise(runs, options.fps, faces)


def summarise(runs: Sequence[SequenceLabels], fps: float, faces: FaceSet) -> Sequences:
    """Figures over all sequences.

    Args:
        runs: Labels of each.
        fps: Their frame rate.
        faces: What they are made of.
    """
    minutes = sum(len(run.truth) / fps for run in runs) / 60
    raw = _label_figures(runs, [run.raw for run in runs], minutes)
    smooth = _label_figures(runs, [run.smooth for run in runs], minutes)
    fewer = raw.flips_per_minute / smooth.flips_per_minute if smooth.flips_per_minute else None
    delays = [(run.delay_s(run.raw), run.delay_s(run.smooth)) for run in runs]
    added = [None if a is None or b is None else b - a for a, b in delays]
    return Sequences(
        faces=faces.name,
        n=len(runs),
        minutes=round(minutes, 2),
        fps=fps,
        raw=raw,
        smooth=smooth,
        times_fewer_flips=None if fewer is None else round(fewer, 2),
        added_delay_ms=_added_delay(
            [delay for delay in added if delay is not None],
            never=sum(a is not None and b is None for a, b in delays),
        ),
        samples=StabilitySamples(
            items=fingerprint(faces),
            smooth_flips_per_minute=[
                round(60 * fps * count_flips(run.smooth, run.change) / len(run.truth), 3)
                for run in runs
            ],
            smooth_accuracy=[round(float((run.smooth == run.truth).mean()), 4) for run in runs],
            added_delay_ms=[None if delay is None else round(1e3 * delay, 1) for delay in added],
        ),
    )


def _label_figures(
    runs: Sequence[SequenceLabels], labels: Sequence[NDArray[np.int64]], minutes: float
) -> LabelFigures:
    flips = sum(count_flips(own, run.change) for run, own in zip(runs, labels, strict=True))
    truth = np.concatenate([run.truth for run in runs])
    return LabelFigures(
        flips_per_minute=round(flips / minutes, 2),
        accuracy=round(float((np.concatenate(labels) == truth).mean()), 4),
    )


def _added_delay(added_s: Sequence[float], never: int) -> AddedDelay:
    if not added_s:
        return AddedDelay(n=0, never=never)
    median, p90 = (1e3 * np.percentile(added_s, (50, 90))).round(0).tolist()
    return AddedDelay(n=len(added_s), never=never, median=median, p90=p90)


def _label(
    classifier: Classifier,
    faces: FaceSet,
    made: FaceSequence,
    smoother: Smoother,
    head: TemporalHead | None,
) -> SequenceLabels:
    rows = probabilities = classifier.classify(made.frames)
    times = made.times.tolist()
    if head is not None:
        histories = TrackHistories(head)
        windows = [histories.push(1, row, t) for row, t in zip(probabilities, times, strict=True)]
        rows = head.read(np.stack(windows))
    labels = [smoother.update(1, row, t) for row, t in zip(rows, times, strict=True)]
    return SequenceLabels(
        faces.majority[made.faces],
        probabilities.argmax(1),
        np.array([label.index for label in labels]),
        made.times,
        made.change,
    )


def _how(options: StabilityOptions) -> SequenceOptions:
    """Two faces at an even rate, without degraded pictures."""
    return SequenceOptions(
        seconds=options.seconds,
        fps=(options.fps, options.fps),
        noise=(options.noise, options.noise),
        jitter=0,
        lost=0,
        change=1,
        degradations=0,
    )

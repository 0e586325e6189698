"""`python -m benchmarks.stability`: do labels hold still, and how late are they for it?

Sequences are made of data-set faces: one face for some seconds, then another
with another label, as a camera would see them: the frame drifts as a
detector's boxes do, light flickers, the sensor adds noise, motion blurs. The
labels of single frames are compared with those that the runtime shows, which
a temporal head or an average steadies: flips (changes of label while the face
shows one thing), the delay at the change from one face to the other, and
accuracy over all frames.
Clips of real people have no truth: only their flips are counted.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness.provenance import artifact
from benchmarks.harness.results import begin, finish, head
from benchmarks.regression.compared import fingerprint
from runtime.emotion.smoothing import Smoother
from runtime.emotion.temporal import TrackHistories
from runtime.errors import UserError
from runtime.pipeline.recognition import make_smoother
from runtime.support.cli import option, parse_options, run_command
from train.datasets.catalogue import DATASETS
from train.temporal.sequences import FaceSequence, SequenceOptions, make_sequence
from train.temporal.stability import count_flips, delay_s

if TYPE_CHECKING:
    from runtime.emotion.classifier import Classifier
    from runtime.emotion.temporal import TemporalHead
    from train.datasets.faces import FaceSet

PROG = "python -m benchmarks.stability"


@dataclass
class Options:
    """Measure label flips, added delay and accuracy, of single frames and smoothed."""

    data_dir: str | None = option("folder of the data set that sequences are made of", None)
    dataset: str = option("its layout", "ferplus", choices=DATASETS)
    split: str = option("split to use", "valid", choices=("train", "valid", "test"))
    clip: list[str] | None = option("video whose flips are counted as well", None)
    engine: str = option("model: an .onnx file, or a shipped one: default, main, fast", "default")
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
    compare: str | None = option(
        "older --output_json; exit code 1 where something has become worse", None
    )
    output_json: str | None = option("write the figures here", None)


@dataclass
class Run:
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


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    options = parse_options(Options, PROG, argv)
    if options.data_dir is None and not options.clip:
        raise UserError("--data_dir or --clip is required")
    if options.compare and options.data_dir is None:
        raise UserError("--compare needs --data_dir: clips give no samples")
    old = begin("stability", options)
    return finish(measure(options), options, old, show=True)


def measure(options: Options) -> dict[str, Any]:
    """Runs the comparison; see the module's text.

    Raises:
        UserError: The data, the model or a clip can't be read.
    """
    from runtime.emotion.classifier import Classifier
    from runtime.emotion.temporal import choose_head
    from runtime.engines.factory import open_engine

    figures: dict[str, Any] = {
        **head("stability", options),
        "artifact": artifact(options.engine),
        "temporal_head": options.temporal_head,
        "smoothing_s": options.smoothing_s,
    }
    steady = choose_head(options.temporal_head, options.engine, options.smoothing_s)
    if options.data_dir is not None:
        from train.datasets.catalogue import load_faces

        engine = open_engine(options.engine)
        faces = load_faces(Path(options.data_dir), options.dataset, options.split)
        faces = faces.with_majority().relabel(engine.manifest.labels)
        classifier = Classifier(engine, 32)
        if len(set(faces.majority)) < 2:
            raise UserError(f"{faces.name}: sequences need faces of two labels")
        runs = []
        for number in range(options.sequences):
            rng = np.random.default_rng((options.seed, number))
            made = make_sequence(faces, _how(options), rng)
            smoother = make_smoother(options.smoothing_s, steady)
            runs.append(_run(classifier, faces, made, smoother, steady))
            print(f"\r{number + 1} of {options.sequences} sequences", end="", file=sys.stderr)
        print(file=sys.stderr)
        engine.close()
        if steady is not None:
            steady.close()
        found = {"faces": faces.name, **summarise(runs, options)}
        found["samples"] = {"items": fingerprint(faces), **_samples(runs, options.fps)}
        figures["sequences"] = found
    if options.clip:
        figures["clips"] = [_clip(path, options) for path in options.clip]
        if options.data_dir is None and all("error" in row for row in figures["clips"]):
            raise UserError(figures["clips"][0]["error"])
    return figures


def _samples(runs: Sequence[Run], fps: float) -> dict[str, list[float | None]]:
    """What `--compare` takes, sequence by sequence; no delay where a label never comes."""
    late = [(run.delay_s(run.raw), run.delay_s(run.smooth)) for run in runs]
    return {
        "smooth_flips_per_minute": [
            round(60 * fps * count_flips(run.smooth, run.change) / len(run.truth), 3)
            for run in runs
        ],
        "smooth_accuracy": [round(float((run.smooth == run.truth).mean()), 4) for run in runs],
        "added_delay_ms": [
            None if raw is None or smooth is None else round(1e3 * (smooth - raw), 1)
            for raw, smooth in late
        ],
    }


def summarise(runs: Sequence[Run], options: Options) -> dict[str, Any]:
    """Figures over all sequences."""
    minutes = sum(len(run.truth) / options.fps for run in runs) / 60
    truth = np.concatenate([run.truth for run in runs])
    result: dict[str, Any] = {"n": len(runs), "minutes": round(minutes, 2), "fps": options.fps}
    for name in ("raw", "smooth"):
        labels = [getattr(run, name) for run in runs]
        flips = sum(count_flips(own, run.change) for run, own in zip(runs, labels, strict=True))
        result[name] = {
            "flips_per_minute": round(flips / minutes, 2),
            "accuracy": round(float((np.concatenate(labels) == truth).mean()), 4),
        }
    raw, smooth = (result[name]["flips_per_minute"] for name in ("raw", "smooth"))
    result["times_fewer_flips"] = round(raw / smooth, 2) if smooth else None
    both = [(run.delay_s(run.raw), run.delay_s(run.smooth)) for run in runs]
    added = [late - early for early, late in both if early is not None and late is not None]
    result["added_delay_ms"] = {
        "n": len(added),
        "never": sum(early is not None and late is None for early, late in both),
        **(
            dict(
                zip(
                    ("median", "p90"),
                    (1e3 * np.percentile(added, (50, 90))).round(0).tolist(),
                    strict=True,
                )
            )
            if added
            else {}
        ),
    }
    return result


def _run(
    classifier: Classifier,
    faces: FaceSet,
    made: FaceSequence,
    smoother: Smoother,
    steady: TemporalHead | None,
) -> Run:
    rows = probabilities = classifier.classify(made.frames)
    times = made.times.tolist()
    if steady is not None:
        histories = TrackHistories(steady)
        windows = [histories.push(1, row, t) for row, t in zip(probabilities, times, strict=True)]
        rows = steady.read(np.stack(windows))
    labels = [smoother.update(1, row, t) for row, t in zip(rows, times, strict=True)]
    return Run(
        faces.majority[made.faces],
        probabilities.argmax(1),
        np.array([label.index for label in labels]),
        made.times,
        made.change,
    )


def _how(options: Options) -> SequenceOptions:
    """Two faces at an even rate, without spells of worse pictures."""
    return SequenceOptions(
        seconds=options.seconds,
        fps=(options.fps, options.fps),
        noise=(options.noise, options.noise),
        jitter=0,
        lost=0,
        change=1,
        degradations=0,
    )


def _clip(path: str, options: Options) -> dict[str, Any]:
    """Flips in a film, over all its tracks, or why there are none."""
    try:
        return {"clip": Path(path).name, **_count_flips(path, options)}
    except UserError as error:
        row = {"clip": Path(path).name, "error": " ".join(str(error).split())}
        print(f"{row['clip']}: not measured: {row['error']}", file=sys.stderr)
        return row


def _count_flips(path: str, options: Options) -> dict[str, Any]:
    from runtime.pipeline.pipeline import Pipeline

    row: dict[str, Any] = {}
    # Without a time constant the lead and the hysteresis alone would still hold labels.
    for name in ("raw", "smooth"):
        how: dict[str, Any] = {"smoothing_s": 0.0}
        if name == "smooth":
            how = {"smoothing_s": options.smoothing_s, "temporal_head": options.temporal_head}
        last: dict[int, tuple[str, float]] = {}
        flips, seconds = 0, 0.0
        with Pipeline([path], options.engine, **how) as pipeline:
            for result in pipeline:
                for face in result.faces:
                    label = face.emotion
                    if name == "raw":
                        label = max(face.probabilities, key=lambda k: face.probabilities[k])
                    before = last.get(face.track)
                    if before is not None:
                        flips += label != before[0]
                        seconds += result.time_s - before[1]
                    last[face.track] = (label, result.time_s)
        row["track_minutes"] = round(seconds / 60, 2)
        row[f"{name}_flips_per_minute"] = round(60 * flips / seconds, 2) if seconds else None
    return row


if __name__ == "__main__":
    sys.exit(run_command(main, None))

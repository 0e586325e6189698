"""`python -m benchmarks.accuracy`: how right is each artifact on each data set?

One row an artifact and data set: accuracy with its 95% interval, macro-F1, and
the calibration error at the temperature in its manifest. On request also the
mean accuracy under corruptions, and the accuracy end to end: faces set into
pictures, found by the detector, and a face that isn't found counts as wrong.
What can't be measured is a row that says why, and the rest goes on.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.harness.hits import fingerprint, pack
from benchmarks.harness.json_codec import to_json
from benchmarks.harness.options import CompareOptions
from benchmarks.harness.provenance import artifact, describe
from benchmarks.harness.results import write_report
from benchmarks.harness.schema.accuracy import (
    AccuracyReport,
    AccuracyRow,
    Corrupted,
    CorruptionSamples,
    FailedAccuracy,
    ThroughDetection,
)
from benchmarks.harness.schema.common import Hits
from benchmarks.harness.statistics import rounded, wilson
from benchmarks.regression.session import begin, finish, header
from runtime.engines.providers import PROVIDERS
from runtime.errors import UserError
from runtime.options.shared import threads_option
from runtime.support.cli import option, parse_options, run_command
from train.datasets.catalogue import DATASETS, SPLITS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from runtime.engines.base import Engine
    from runtime.messages import Face
    from train.datasets.faces import FaceSet

PROG = "python -m benchmarks.accuracy"


@dataclass(kw_only=True)
class AccuracyOptions(CompareOptions):
    """Measure the accuracy of several artifacts on several data sets."""

    data_dir: list[str] = option("folders of the data sets")
    engine: list[str] = option("models: exported files, checkpoints, or default", ["default"])
    dataset: list[str] = option(
        "layout of each folder, or one for all of them", ["ferplus"], choices=DATASETS
    )
    split: str = option("their part", "valid", choices=SPLITS)
    limit: int = option("faces to use, evenly spread; 0 uses all", 0, between=(0, math.inf))
    corruptions: bool = option("also the mean accuracy under corruptions", False)
    corruption_limit: int = option(
        "faces for the corruptions, each 35 times; 0 uses all", 200, between=(0, math.inf)
    )
    through_detection: bool = option("also the accuracy through face detection", False)
    detection_limit: int = option(
        "faces for the detection, evenly spread; 0 uses all", 500, between=(0, math.inf)
    )
    seed: int = option("seed of the corruptions", 0, between=(0, math.inf))
    provider: str = option("where exported models run", "cpu", choices=PROVIDERS)
    threads: int = threads_option(2)


@dataclass
class DataSet:
    """A data set, read once for all artifacts.

    Attributes:
        folder: Where it is.
        layout: How it lies there.
        faces: Its split, or why it can't be read.
        found: What the detector found, for each model's labels.
    """

    folder: str
    layout: str
    faces: FaceSet | UserError
    found: dict[tuple[str, ...], list[Face | None]] = field(default_factory=dict)


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code, 2 where no row could be measured."""
    options = parse_options(AccuracyOptions, PROG, argv)
    old = begin("accuracy", options, options.engine)
    report = measure(options)
    _print(report)
    failed = [row for row in report.rows if isinstance(row, FailedAccuracy)]
    if len(failed) == len(report.rows):
        write_report(report, options.output_json)
        raise UserError(f"nothing could be measured: {failed[0].error}")
    return finish(report, options, old)


def measure(options: AccuracyOptions) -> AccuracyReport:
    """Every artifact on every data set.

    Raises:
        UserError: There are several layouts, but not one for each folder.
    """
    layouts = options.dataset
    if len(layouts) == 1:
        layouts = layouts * len(options.data_dir)
    if len(layouts) != len(options.data_dir):
        raise UserError(
            f"--dataset names {len(layouts)} layouts for {len(options.data_dir)} folders in "
            "--data_dir: give one, or one for each"
        )
    first = header("accuracy", options)
    places = zip(options.data_dir, layouts, strict=True)
    sets = [_read(folder, layout, options.split) for folder, layout in places]
    rows = [row for name in options.engine for row in _measure_engine(name, sets, options)]
    return AccuracyReport(
        **first, split=options.split, limit=options.limit, provider=options.provider, rows=rows
    )


def _read(folder: str, layout: str, split: str) -> DataSet:
    from train.datasets.catalogue import load_faces

    try:
        return DataSet(folder, layout, load_faces(Path(folder), layout, split))
    except UserError as error:
        return DataSet(folder, layout, error)


def _measure_engine(
    name: str, sets: Sequence[DataSet], options: AccuracyOptions
) -> list[AccuracyRow | FailedAccuracy]:
    """One artifact's rows."""
    from train.inference import open_model

    model = to_json(artifact(name))
    try:
        engine = open_model(name, options.provider, options.threads)
    except UserError as error:
        return [FailedAccuracy(**model, data=data.folder, error=_line(error)) for data in sets]
    rows: list[AccuracyRow | FailedAccuracy] = []
    try:
        for data in sets:
            try:
                # What evaluation says on the way is progress here.
                with redirect_stdout(sys.stderr):
                    rows.append(_measure_row(name, engine, data, options, model))
            except UserError as error:
                rows.append(FailedAccuracy(**model, data=data.folder, error=_line(error)))
    finally:
        engine.close()
    return rows


def _measure_row(
    name: str, engine: Engine, data: DataSet, options: AccuracyOptions, model: dict[str, Any]
) -> AccuracyRow:
    from train.evaluate.figures import compute_figures
    from train.evaluate.options import EvaluateOptions
    from train.evaluate.selection import first_notes, select, spread
    from train.inference import face_logits

    if isinstance(data.faces, UserError):
        raise data.faces
    start = time.monotonic()
    manifest = engine.manifest
    faces, places = select(data.faces, manifest.labels, options.limit)
    print(f"{name} on {faces.name}: {len(faces)} faces", file=sys.stderr, flush=True)
    logits = face_logits(engine, faces)
    figures = compute_figures(logits, faces, float(manifest.temperature))
    same = EvaluateOptions(data.folder, dataset=data.layout, limit=options.limit)
    counting = faces.majority >= 0
    right = logits.argmax(1)[counting] == faces.majority[counting]
    corruptions = None
    if options.corruptions:
        subset, chosen = spread(faces.subset(counting), places[counting], options.corruption_limit)
        corruptions = _corrupted(engine, subset, chosen, options.seed)
    through = None
    if options.through_detection:
        through = _through(engine, faces, data, options.detection_limit)
    return AccuracyRow(
        **model,
        data=faces.name,
        n=figures.score.n,
        accuracy=round(figures.score.accuracy, 4),
        accuracy_95=rounded(figures.interval),
        macro_f1=round(figures.score.macro_f1, 4),
        ece=round(figures.after.bins.error, 4),
        temperature=manifest.temperature,
        precision=manifest.precision,
        notes=first_notes(same, manifest, data.faces, faces),
        samples=Hits(items=fingerprint(faces.subset(counting)), right=pack(right)),
        corruptions=corruptions,
        through_detection=through,
        seconds=round(time.monotonic() - start, 1),
    )


def _corrupted(engine: Engine, faces: FaceSet, places: NDArray[np.int64], seed: int) -> Corrupted:
    """Accuracy under corruptions, each a function of the seed and the face's place."""
    from train.evaluate.robustness import measure_robustness

    found = measure_robustness(engine, faces, places, seed)
    figures = found.figures()
    by_face = [round(float(v), 4) for v in found.by_face]
    return Corrupted(
        n=figures["n"],
        clean=figures["clean"],
        mean=figures["mean"],
        samples=CorruptionSamples(items=fingerprint(faces), by_face=by_face),
    )


def _through(engine: Engine, faces: FaceSet, data: DataSet, limit: int) -> ThroughDetection:
    """Accuracy end to end; the detector runs once for all models of the same labels."""
    from benchmarks.framing import detect_placed_faces, name_faces

    subset = faces.with_majority().spread(limit)
    key = engine.manifest.labels
    if key not in data.found:
        data.found[key] = detect_placed_faces(subset)
    named = name_faces(engine, subset, data.found[key])
    return ThroughDetection(
        n=len(subset),
        detected=round(float(named.seen.mean()), 4),
        **named.accuracies(),
        end_to_end_95=rounded(wilson(float(named.through.mean()), len(subset))),
        samples=Hits(items=fingerprint(subset), right=pack(named.through)),
    )


def _line(error: UserError) -> str:
    return " ".join(str(error).split())


def _print(report: AccuracyReport) -> None:
    print(f"on {describe(report.machine)}")
    for row in report.rows:
        title = f"{row.engine}, {row.data}:"
        if isinstance(row, FailedAccuracy):
            print(f"{title} not measured: {row.error}")
            continue
        low, high = row.accuracy_95
        print(
            f"{title} accuracy {row.accuracy:.2%} (95%: {low:.2%} to {high:.2%}), "
            f"macro-F1 {row.macro_f1:.3f}, ECE {row.ece:.3f}, n = {row.n}"
        )
        if row.corruptions is not None:
            found = row.corruptions
            print(f"  corrupted {found.mean:.2%} (clean {found.clean:.2%}, n = {found.n})")
        if row.through_detection is not None:
            through = row.through_detection
            low, high = through.end_to_end_95
            print(
                f"  through detection {through.end_to_end:.2%} (95%: {low:.2%} to {high:.2%}; "
                f"{through.detected:.2%} detected, n = {through.n})"
            )


if __name__ == "__main__":
    sys.exit(run_command(main, None))

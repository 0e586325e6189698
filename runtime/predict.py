"""`python -m runtime.predict`: emotions of the faces in pictures."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Iterable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from runtime.detectors.catalogue import FACE_SCORE
from runtime.emotion.certainty import CERTAIN
from runtime.errors import SourceError, UserError
from runtime.options import shared
from runtime.support.cli import option, parse_options, run_command
from runtime.support.reasons import reason
from runtime.support.redaction import printable, redact, start_log

if TYPE_CHECKING:
    from runtime.detectors.base import Detector
    from runtime.messages import FrameResult
    from runtime.recognizer import EmotionRecognizer

PROG = "python -m runtime.predict"


@dataclass
class PredictOptions:
    """Recognise the emotions of the faces in pictures or folders of pictures."""

    paths: list[str] = option("pictures or folders", positional=True)
    face_crops: bool = option("each picture is already a face: don't detect", False)
    engine: str = shared.engine_option()
    provider: str = shared.provider_option()
    threads: int = shared.threads_option(2, "more than webcam's 1: no other stage runs beside it")
    rebuild: bool = shared.rebuild_option()
    detector: str = shared.detector_option()
    detector_model: str | None = shared.detector_model_option()
    detect_size: int = shared.detect_size_option(
        640, "more than webcam's 320: pictures have time, and smaller faces"
    )
    min_score: float = option(
        "lowest detector score of a face", FACE_SCORE, between=(0, 1), group=shared.FACES
    )
    min_confidence: float = option(
        "below this confidence a label is uncertain",
        CERTAIN,
        between=(0, 1),
        group=shared.LABELS,
    )
    raw_boxes: bool = shared.raw_boxes_option()
    visualize: str | None = option(
        "write annotated pictures to this folder", None, group=shared.OUTPUT
    )
    output_json: str | None = option(
        "write one JSON line a picture here; - is the terminal", None, group=shared.OUTPUT
    )
    output_csv: str | None = option(
        "write one CSV row a face here; - is the terminal", None, group=shared.OUTPUT
    )
    output_mode: str = shared.output_mode_option()
    anonymize: bool = option(
        "cover the faces in the annotated pictures", False, group=shared.OUTPUT
    )
    config: str | None = field(init=False, default=None, compare=False)


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code: 2 if a picture could not be read."""
    options = parse_options(PredictOptions, PROG, argv)
    start_log()
    failed = predict(options)
    if failed:
        raise UserError(f"{failed} of the pictures could not be read (see above)")
    return 0


def predict(options: PredictOptions) -> int:
    """Runs over all pictures, whatever becomes of single ones.

    Returns:
        How many could not be read.

    Raises:
        UserError: A model, folder or output is wrong.
    """
    from runtime.options.protected_files import protected_files
    from runtime.sinks.files.csv import CsvSink
    from runtime.sinks.files.jsonl import JsonSink
    from runtime.sinks.group import SinkGroup
    from runtime.sources.pictures import PICTURES, collect_pictures
    from runtime.support.files.writing import check_apart, check_folder, check_writable, read_mode

    files = collect_pictures(options.paths)
    models = protected_files(
        options.engine, options.provider, "none", options.detector_model, [options.config]
    )
    outputs = {"--output_json": options.output_json, "--output_csv": options.output_csv}
    check_apart(outputs, [*options.paths, *files, *models], PICTURES)
    mode = read_mode(options.output_mode)
    sinks = SinkGroup()
    if options.output_json:
        sinks.add(JsonSink(options.output_json, mode))
    if options.output_csv not in (None, "-"):
        check_writable(Path(options.output_csv), "--output_csv")
    folder = Path(options.visualize) if options.visualize else None
    targets: list[Path] = []
    if folder is not None:
        check_folder(folder, "--visualize", options.paths)
        check_writable(folder / "x.png", "--visualize")
        targets = _targets(files, folder, outputs.values())
    failed = 0
    try:
        with ExitStack() as opened:
            recognizer = opened.enter_context(_recognizer(options))
            if options.output_csv:
                sinks.add(CsvSink(options.output_csv, recognizer.labels, mode, pictures=True))
            results = opened.enter_context(closing(_results(files, recognizer, options)))
            for number, file, result in results:
                if result is None:
                    failed += 1
                    continue
                sinks.write(result)
                if folder is not None:
                    _save_annotated(result, targets[number], options.anonymize, mode)
                if "-" not in outputs.values():
                    _print(file, result)
    finally:
        sinks.close()
    return failed


def _recognizer(options: PredictOptions) -> EmotionRecognizer:
    from runtime.recognizer import EmotionRecognizer

    return EmotionRecognizer(
        options.engine,
        provider=options.provider,
        threads=options.threads,
        detector=options.detector,
        detector_model=options.detector_model,
        detect_size=options.detect_size,
        min_score=options.min_score,
        min_confidence=options.min_confidence,
        face_crops=options.face_crops,
        raw_boxes=options.raw_boxes,
        rebuild=options.rebuild,
    )


def _results(
    files: Sequence[Path], recognizer: EmotionRecognizer, options: PredictOptions
) -> Generator[tuple[int, Path, FrameResult | None], None, None]:
    """(number, file, result) in order; None where a picture can't be read or recognised."""
    from runtime.detectors.factory import open_detector
    from runtime.detectors.found_faces import find_faces
    from runtime.vision.anonymize import COVER_SCORE
    from runtime.vision.picture import Picture

    with ExitStack() as opened:
        sensitive: Detector | None = None
        if options.anonymize and options.visualize and not options.face_crops:
            # One of its own: weak detections must not keep the other from its retry.
            sensitive = open_detector(
                options.detector,
                options.detector_model,
                options.detect_size,
                min(COVER_SCORE, options.min_score),
                options.threads,
                extents=True,
            )
            opened.callback(sensitive.close)
        for number, file in enumerate(files):
            result = None
            try:
                result = recognizer.predict(file)
                if sensitive is not None:
                    # At half the size too: a near face is missed at full size, whoever
                    # else is found.
                    picture = Picture(result.image)
                    found = (
                        *find_faces(sensitive, picture),
                        *find_faces(sensitive, picture, scale=0.5),
                    )
                    more = tuple(face.region for face in found)
                    result = replace(result, regions=(*result.regions, *more))
            except SourceError as error:
                print(f"skipped: {printable(redact(str(error)))}", file=sys.stderr)
            except Exception as error:  # whatever a network or OpenCV has against one picture
                result = None
                print(f"skipped: {printable(str(file))}: {reason(error)}", file=sys.stderr)
            yield number, file, result


def _targets(files: Sequence[Path], folder: Path, others: Iterable[str | None]) -> list[Path]:
    """An annotated picture's path for each input: no two alike, no input, no other output."""
    taken = {os.path.realpath(file) for file in [*files, *map(Path, filter(None, others))]}
    targets = []
    for file in files:
        target, number = folder / f"{file.stem}.png", 1
        while os.path.realpath(target) in taken:
            number += 1
            target = folder / f"{file.stem}_{number}.png"
        taken.add(os.path.realpath(target))
        targets.append(target)
    return targets


def _save_annotated(result: FrameResult, target: Path, hide: bool, mode: int) -> None:
    import cv2

    from runtime.support.files.writing import write_whole
    from runtime.vision.anonymize import anonymize
    from runtime.vision.draw import annotate

    if hide:
        result = anonymize(result)
    good, data = cv2.imencode(".png", annotate(result))
    if not good:
        raise UserError(f"--visualize {target}: can't be encoded")
    write_whole(target, data.tobytes(), "--visualize", mode)


def _print(file: Path, result: FrameResult) -> None:
    name = printable(str(file))
    if not result.faces:
        print(f"{name}: no face")
    for face in result.faces:
        box = ", ".join(f"{v:.0f}" for v in face.box)
        mark = " (uncertain)" if face.uncertain else ""
        print(f"{name}: {face.emotion} {face.confidence:.0%}{mark} at [{box}]")


if __name__ == "__main__":
    sys.exit(run_command(main, None))

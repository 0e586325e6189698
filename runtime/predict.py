"""`python -m runtime.predict`: emotions of the faces in pictures."""

from __future__ import annotations

import sys
from collections.abc import Generator, Sequence
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

    paths: list[str] = option("pictures, folders or http(s) URLs of pictures", positional=True)
    recursive: bool = shared.recursive_option()
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
    embeddings: bool = shared.embeddings_option()
    min_face: float = shared.min_face_option()
    zone: str | None = shared.zone_option()
    raw_boxes: bool = shared.raw_boxes_option()
    tls_ca: str | None = shared.tls_ca_option()
    tls_insecure: bool = option(
        "trust any certificate of the servers of pictures", False, group=shared.SOURCES
    )
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
    from runtime.pictures.annotated import annotated_files
    from runtime.pictures.kinds import SUFFIXES
    from runtime.sinks.files.csv import CsvSink
    from runtime.sinks.files.jsonl import JsonSink
    from runtime.sinks.group import SinkGroup
    from runtime.support.files.inputs import check_apart, check_folder
    from runtime.support.files.writing import check_writable, read_mode

    if options.face_crops and (options.min_face or options.zone):
        raise UserError("--face_crops: each picture is one face, so no --min_face and no --zone")
    pictures = _collect(options.paths, options.recursive)
    files = [picture for picture in pictures if isinstance(picture, Path)]
    models = protected_files(
        options.engine,
        options.provider,
        "none",
        options.detector_model,
        [options.config, options.tls_ca, options.zone],
    )
    outputs = {"--output_json": options.output_json, "--output_csv": options.output_csv}
    check_apart(outputs, [*options.paths, *files, *models], SUFFIXES, options.recursive)
    mode = read_mode(options.output_mode)
    sinks = SinkGroup()
    if options.output_json:
        sinks.add(JsonSink(options.output_json, mode))
    if options.output_csv not in (None, "-"):
        check_writable(Path(options.output_csv), "--output_csv")
    folder = Path(options.visualize) if options.visualize else None
    targets: list[Path] = []
    if folder is not None:
        check_folder(folder, "--visualize", options.paths, options.recursive)
        check_writable(folder / "x.png", "--visualize")
        targets = annotated_files(pictures, folder, outputs.values())
    failed = 0
    try:
        with ExitStack() as opened:
            recognizer = opened.enter_context(_recognizer(options))
            if options.output_csv:
                sinks.add(CsvSink(options.output_csv, recognizer.labels, mode, pictures=True))
            results = opened.enter_context(closing(_results(pictures, recognizer, options)))
            for number, name, result in results:
                if result is None:
                    failed += 1
                    continue
                sinks.write(result)
                if folder is not None:
                    _save_annotated(result, targets[number], options.anonymize, mode)
                if "-" not in outputs.values():
                    _print(name, result)
    finally:
        sinks.close()
    return failed


def _collect(paths: Sequence[str], recursive: bool) -> list[Path | str]:
    """The pictures that paths name: files, those of folders, and URLs as they are."""
    from runtime.pictures.download import is_address
    from runtime.pictures.folders import collect_pictures
    from runtime.support.files.inputs import local_path

    pictures: list[Path | str] = []
    for given in paths:
        if is_address(given):
            pictures.append(given)
        else:
            pictures += collect_pictures([local_path(given) or given], recursive)
    return pictures


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
        min_face=options.min_face,
        zones=options.zone,
        embeddings=options.embeddings,
        rebuild=options.rebuild,
        tls_ca=options.tls_ca,
        tls_insecure=options.tls_insecure,
    )


def _results(
    pictures: Sequence[Path | str], recognizer: EmotionRecognizer, options: PredictOptions
) -> Generator[tuple[int, str, FrameResult | None], None, None]:
    """(number, name, result) in order; None where a picture can't be read or recognised."""
    from runtime.detectors.factory import open_detector
    from runtime.detectors.found_faces import find_faces
    from runtime.pictures.download import shown_picture
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
        for number, given in enumerate(pictures):
            name = printable(str(given)) if isinstance(given, Path) else shown_picture(given)
            result = None
            try:
                result = recognizer.predict(given)
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
                # The name hides what it must; hiding again would hide which picture it is.
                why = redact(str(error).removeprefix(name))
                print(f"skipped: {name}{why}", file=sys.stderr)
            except Exception as error:  # whatever a network or OpenCV has against one picture
                result = None
                print(f"skipped: {name}: {reason(error)}", file=sys.stderr)
            yield number, name, result


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


def _print(name: str, result: FrameResult) -> None:
    if not result.faces:
        print(f"{name}: no face")
    for face in result.faces:
        box = ", ".join(f"{v:.0f}" for v in face.box)
        mark = " (uncertain)" if face.uncertain else ""
        print(f"{name}: {face.emotion} {face.confidence:.0%}{mark} at [{box}]")


if __name__ == "__main__":
    sys.exit(run_command(main, None))

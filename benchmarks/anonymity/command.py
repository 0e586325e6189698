"""`python -m benchmarks.anonymity`: does `--anonymize` ever show a face, and what does it cost?

Runs videos through the pipeline as `--anonymize` does and counts the pixels of
faces that no cover reaches. In synthetic videos, where a face is lost in ways
that detectors fail, the true place is known. In others, and in the demo, it is what a
more careful reference finds: CenterFace on frames enlarged to 1280 pixels, at
a low threshold, tracked forward and backward, and interpolated between.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.anonymity.lost_faces import FPS, VIDEOS, frames
from benchmarks.harness.provenance import artifact
from benchmarks.harness.results import begin, finish, head
from runtime.detectors.factory import open_detector
from runtime.errors import SourceError, UserError
from runtime.messages import Face, Frame
from runtime.pipeline.pipeline import Pipeline
from runtime.sources.factory import open_source
from runtime.support.cli import option, parse_options
from runtime.tracking.tracker import Tracker
from runtime.vision.anonymize import COVER_SCORE, LOOK_AHEAD_S, anonymize
from runtime.vision.picture import Picture

PROG = "python -m benchmarks.anonymity"

#: Longer side of what the reference sees, in pixels, and its lowest score.
_REFERENCE_SIZE, _REFERENCE_SCORE = 1280, 0.3

#: Longest time between two detections that the reference bridges, in seconds, and
#: the least detections of a face; fewer are taken for a mistake.
_BRIDGE_S, _LEAST = 1.0, 3

#: Share of a face's pixels from which it counts as shown.
_SHOWN = 0.1

_Masks = list[NDArray[np.bool_]]


@dataclass
class Options:
    """Measure how much of the faces `--anonymize` leaves uncovered, and what else it covers."""

    clip: list[str] | None = option("video whose faces a careful reference finds", None)
    demo: bool = option("also the built-in demo", False)
    synthetic: bool = option("synthetic videos, in which detectors lose faces", True)
    detect_size: int = option("longer side of what the detector sees, in pixels", 320)
    engine: str = option("model: an .onnx file, or a shipped one: default, main, fast", "default")
    compare: str | None = option(
        "older --output_json; exit code 1 where something has become worse", None
    )
    output_json: str | None = option("write the figures here", None)


class Film:
    """A source of frames that are in memory, and the truth of each."""

    live = False

    def __init__(
        self, name: str, fps: float, images: Sequence[NDArray[np.uint8]], truth: Sequence[_Masks]
    ) -> None:
        self.name, self.fps, self.images, self.truth = name, fps, images, truth
        self._index = 0

    def read(self) -> Frame | None:
        """See `runtime.sources.Source`."""
        if self._index == len(self.images):
            self._index = 0
            return None
        self._index += 1
        return Frame(Picture(self.images[self._index - 1]), (self._index - 1) / self.fps)

    def interrupt(self) -> None:
        """Never waits."""

    def close(self) -> None:
        """Holds nothing but memory."""


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    options = parse_options(Options, PROG, argv)
    if not (options.clip or options.demo or options.synthetic):
        raise UserError("--clip, --demo or --synthetic is required")
    old = begin("anonymity", options)
    return finish(measure(options), options, old, show=True)


def measure(options: Options) -> dict[str, Any]:
    """Runs every video as a live source and as a file; see the module's text.

    Raises:
        UserError: The model or a clip can't be read.
    """
    figures: dict[str, Any] = {
        **head("anonymity", options),
        "artifact": artifact(options.engine),
    }
    rows = []
    for film in _films(options):
        for mode, look_ahead_s in (("live", 0.0), ("file", LOOK_AHEAD_S)):
            row = {"video": film.name, "mode": mode, **measure_video(film, look_ahead_s, options)}
            shown = f"{row['face_area_shown']:7.2%} shown, {row['other_area_covered']:6.2%} covered"
            print(f"{film.name:34} {mode}: {shown}", file=sys.stderr)
            rows.append(row)
    return {**figures, "rows": rows}


def _films(options: Options) -> Iterator[Film]:
    for spec in (*(options.clip or ()), *(("demo",) if options.demo else ())):
        images, fps = _read(spec)
        yield Film(Path(spec).name, fps, images, reference(images, fps))
    for name in VIDEOS if options.synthetic else ():
        pairs = list(frames(name))
        yield Film(name, FPS, [image for image, _ in pairs], [masks for _, masks in pairs])


def _read(spec: str) -> tuple[list[NDArray[np.uint8]], float]:
    """All frames of a video, and their rate."""
    source = open_source(spec)
    try:
        if source.live:
            raise SourceError(f"--clip {source.name}: must be a file")
        images = []
        while (frame := source.read()) is not None:
            images.append(frame.picture.bgr())
        return images, source.fps
    finally:
        source.close()


def reference(images: Sequence[NDArray[np.uint8]], fps: float) -> list[_Masks]:
    """Where a careful detector, with time and hindsight, finds faces.

    Args:
        images: (H, W, 3) uint8 BGR pictures of one size.
        fps: Their rate.

    Returns:
        Of each picture, an (H, W) mask for each face.
    """
    height, width = images[0].shape[:2]
    scale = _REFERENCE_SIZE / max(height, width)
    size = (round(width * scale), round(height * scale))
    detector = open_detector(size=_REFERENCE_SIZE, threshold=_REFERENCE_SCORE, threads=2)
    found = []
    for index, image in enumerate(images):
        large = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_CUBIC), np.uint8)
        faces = detector.detect(Picture(large))
        found.append([replace(f, box=_scaled(f, 1 / scale), landmarks=None) for f in faces])
        print(f"\rreference: {index + 1} of {len(images)} frames", end="", file=sys.stderr)
    print(file=sys.stderr)
    detector.close()
    forward = _bridged(found, fps)
    backward = _bridged(found[::-1], fps)[::-1]
    truth: list[_Masks] = []
    for boxes in (a + b for a, b in zip(forward, backward, strict=True)):
        masks: _Masks = []
        for x1, y1, x2, y2 in boxes:
            mask = np.zeros((height, width), np.bool_)
            mask[max(0, round(y1)) : max(0, round(y2)), max(0, round(x1)) : max(0, round(x2))] = 1
            # Both directions find the same face.
            if mask.any() and not any((mask & m).sum() > 0.5 * (mask | m).sum() for m in masks):
                masks.append(mask)
        truth.append(masks)
    return truth


def _scaled(face: Face, factor: float) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = (v * factor for v in face.box)
    return x1, y1, x2, y2


def _bridged(found: Sequence[list[Face]], fps: float) -> list[list[NDArray[np.float64]]]:
    """(4,) boxes of each frame's tracks, interpolated where one was missed for a while."""
    tracker = Tracker(max_age_s=_BRIDGE_S)
    tracks: dict[int, list[tuple[int, NDArray[np.float64]]]] = {}
    for index, faces in enumerate(found):
        for track in tracker.update(faces, index / fps):
            if track.seen:
                tracks.setdefault(track.id, []).append((index, np.array(track.face.box)))
    boxes: list[list[NDArray[np.float64]]] = [[] for _ in found]
    for seen in tracks.values():
        if len(seen) < _LEAST:
            continue
        at = [index for index, _ in seen]
        sides = np.stack([box for _, box in seen])
        for index in range(at[0], at[-1] + 1):
            boxes[index].append(np.array([np.interp(index, at, side) for side in sides.T]))
    return boxes


def measure_video(film: Film, look_ahead_s: float, options: Options) -> dict[str, Any]:
    """Runs a video and compares what is covered with the truth.

    Args:
        film: The video.
        look_ahead_s: As `Pipeline` takes it.
        options: Detector's size and engine.
    """
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, film.images[0].shape, np.uint8)
    shown, area, other, covered = ([] for _ in range(4))
    faces_shown = []
    with Pipeline(
        [film],
        options.engine,
        detect_size=options.detect_size,
        detect_interval_s=None,
        regions_score=COVER_SCORE,
        look_ahead_s=look_ahead_s,
    ) as pipeline:
        for result in pipeline:
            # A cover changes every pixel of noise, and so shows how far it reaches.
            out = anonymize(replace(result, image=noise)).image
            hidden = (out != noise).any(axis=2)
            masks = film.truth[result.frame]
            anyone = np.zeros(hidden.shape, np.bool_)
            for mask in masks:
                anyone |= mask
            shown.append(int((anyone & ~hidden).sum()))
            area.append(int(anyone.sum()))
            covered.append(int((hidden & ~anyone).sum()))
            other.append(int((~anyone).sum()))
            faces_shown.append(sum(int((m & ~hidden).sum() > _SHOWN * m.sum()) for m in masks))
    return {
        "frames": len(area),
        "faces": sum(len(masks) for masks in film.truth),
        "face_area_shown": round(sum(shown) / max(1, sum(area)), 5),
        "faces_shown": sum(faces_shown),
        "frames_with_a_face_shown": sum(n > 0 for n in faces_shown),
        "other_area_covered": round(sum(covered) / max(1, sum(other)), 5),
        "samples": {
            "face_area_shown": [round(s / max(1, a), 4) for s, a in zip(shown, area, strict=True)],
            "other_area_covered": [
                round(c / max(1, o), 4) for c, o in zip(covered, other, strict=True)
            ],
        },
    }

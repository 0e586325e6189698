"""`python -m benchmarks.anonymity`: does `--anonymize` ever show a face, and what does it cost?

Runs videos through the pipeline as `--anonymize` does and counts the pixels of
faces that no cover reaches. In synthetic videos, where a face is lost in ways
that detectors fail, the true place is known. In others, and in the demo, it is what a
more thorough reference finds: CenterFace on frames enlarged to 1280 pixels, at
a low threshold, tracked forward and backward, and interpolated between.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.anonymity.lost_faces import FPS, VIDEOS, frames
from benchmarks.anonymity.reference_faces import FaceMasks, find_reference
from benchmarks.harness.options import CompareOptions, EngineOption
from benchmarks.harness.provenance import artifact
from benchmarks.harness.schema.anonymity import AnonymityReport, AnonymityRow, CoverSamples
from benchmarks.regression.session import begin, finish, header
from runtime.errors import SourceError, UserError
from runtime.messages import Frame
from runtime.options.shared import detect_size_option
from runtime.pipeline.config import (
    DetectorConfig,
    EngineConfig,
    LatencyConfig,
    PipelineConfig,
)
from runtime.pipeline.pipeline import Pipeline
from runtime.sources.config import SourceConfig
from runtime.sources.factory import open_source
from runtime.support.cli import option, parse_options
from runtime.vision.anonymize import COVER_SCORE, LOOK_AHEAD_S, anonymize
from runtime.vision.picture import Picture

PROG = "python -m benchmarks.anonymity"

#: Share of a face's pixels from which it counts as shown.
_SHOWN = 0.1


@dataclass(kw_only=True)
class AnonymityOptions(CompareOptions, EngineOption):
    """Measure how much of the faces `--anonymize` leaves uncovered, and what else it covers."""

    clip: list[str] | None = option("video whose faces a thorough reference finds", None)
    demo: bool = option("also the built-in demo", False)
    synthetic: bool = option("synthetic videos, in which detectors lose faces", True)
    detect_size: int = detect_size_option()


class VideoWithTruth:
    """A source of frames that are in memory, and the truth of each."""

    live = False

    def __init__(
        self, name: str, fps: float, images: Sequence[NDArray[np.uint8]], truth: Sequence[FaceMasks]
    ) -> None:
        self.name, self.fps, self.images, self.truth = name, fps, images, truth
        self._index = 0

    def read(self) -> Frame | None:
        """See `runtime.sources.base.Source`."""
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
    options = parse_options(AnonymityOptions, PROG, argv)
    if not (options.clip or options.demo or options.synthetic):
        raise UserError("--clip, --demo or --synthetic is required")
    old = begin("anonymity", options, [options.engine])
    return finish(measure(options), options, old, show=True)


def measure(options: AnonymityOptions) -> AnonymityReport:
    """Runs every video as a live source and as a file; see the module's text.

    Raises:
        UserError: The model or a clip can't be read.
    """
    first = header("anonymity", options)
    rows = []
    for video in _videos(options):
        for mode, look_ahead_s in (("live", 0.0), ("file", LOOK_AHEAD_S)):
            row = measure_video(video, mode, look_ahead_s, options)
            shown = f"{row.face_area_shown:7.2%} shown, {row.other_area_covered:6.2%} covered"
            print(f"{video.name:34} {mode}: {shown}", file=sys.stderr)
            rows.append(row)
    return AnonymityReport(**first, artifact=artifact(options.engine), rows=rows)


def _videos(options: AnonymityOptions) -> Iterator[VideoWithTruth]:
    for spec in (*(options.clip or ()), *(("demo",) if options.demo else ())):
        images, fps = _read(spec)
        yield VideoWithTruth(Path(spec).name, fps, images, find_reference(images, fps))
    for name in VIDEOS if options.synthetic else ():
        pairs = list(frames(name))
        images, truth = [image for image, _ in pairs], [masks for _, masks in pairs]
        yield VideoWithTruth(name, FPS, images, truth)


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


def measure_video(
    video: VideoWithTruth, mode: str, look_ahead_s: float, options: AnonymityOptions
) -> AnonymityRow:
    """Runs a video and compares what is covered with the truth.

    Args:
        video: The video.
        mode: How it is run, for the row.
        look_ahead_s: As `Pipeline` takes it.
        options: Detector's size and engine.
    """
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, video.images[0].shape, np.uint8)
    shown, area, other, covered, faces_shown = ([] for _ in range(5))
    config = PipelineConfig(
        sources=(SourceConfig(video),),
        # As `--anonymize` sets it.
        detector=DetectorConfig(
            size=options.detect_size, interval_s=None, regions_score=COVER_SCORE
        ),
        engine=EngineConfig(options.engine),
        latency=LatencyConfig(look_ahead_s=look_ahead_s),
    )
    with Pipeline(config) as pipeline:
        for result in pipeline:
            # A cover changes every pixel of noise, and so shows how far it reaches.
            out = anonymize(replace(result, image=noise)).image
            hidden = (out != noise).any(axis=2)
            masks = video.truth[result.frame]
            anyone = np.zeros(hidden.shape, np.bool_)
            for mask in masks:
                anyone |= mask
            shown.append(int((anyone & ~hidden).sum()))
            area.append(int(anyone.sum()))
            covered.append(int((hidden & ~anyone).sum()))
            other.append(int((~anyone).sum()))
            faces_shown.append(sum(int((m & ~hidden).sum() > _SHOWN * m.sum()) for m in masks))
    return AnonymityRow(
        video=video.name,
        mode=mode,
        frames=len(area),
        faces=sum(len(masks) for masks in video.truth),
        face_area_shown=_share(sum(shown), sum(area), 5),
        faces_shown=sum(faces_shown),
        frames_with_a_face_shown=sum(n > 0 for n in faces_shown),
        other_area_covered=_share(sum(covered), sum(other), 5),
        samples=CoverSamples(
            face_area_shown=[_share(s, a, 4) for s, a in zip(shown, area, strict=True)],
            other_area_covered=[_share(c, o, 4) for c, o in zip(covered, other, strict=True)],
        ),
    )


def _share(some: int, of: int, digits: int) -> float:
    return round(some / max(1, of), digits)

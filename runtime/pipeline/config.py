"""What a pipeline runs on and how: one frozen value, which loads nothing heavy.

Units inside are seconds; command lines convert their milliseconds once. What a
caller has opened already (an engine, a detector, a source) may stand in the place
of its name, and remains the caller's, who closes it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING

from runtime.detectors.catalogue import FACE_SCORE, check_detector
from runtime.engines.catalogue import check_engine
from runtime.errors import SourceError, UserError
from runtime.sources.config import SourceConfig
from runtime.support.ranges import within

if TYPE_CHECKING:
    from runtime.detectors.base import Detector
    from runtime.engines.base import Engine


@dataclass(frozen=True, slots=True)
class DetectorConfig:
    """How faces are found.

    Attributes:
        detector: One of `runtime.detectors.catalogue.DETECTORS`, or a detector of the
            caller's own; then `model` and `size` say nothing.
        model: Its file; only CenterFace comes with the runtime.
        size: Longer side of what the detector sees, in pixels.
        interval_s: Detection interval: media time between two detections in seconds;
            in between, tracks go on where they were heading and keep their labels.
            0 detects in every frame, None also where a latency target would save it:
            a new face is never missed.
        regions_score: Detector's score from which `FrameResult.regions` holds
            something; faces and tracks are the same whatever it is.
        raw_boxes: Leave results' boxes as they are found: they may reach outside of the
            picture, where they otherwise end.
        min_face: Faces whose box has a shorter side than this, in pixels, are left out of
            results; not of their regions.
    """

    detector: str | Detector = "centerface"
    model: str | None = None
    size: int = 320
    interval_s: float | None = 0.05
    regions_score: float = FACE_SCORE
    raw_boxes: bool = False
    min_face: float = 0.0

    def __post_init__(self) -> None:
        check_detector(self.detector)
        within("interval_s", self.interval_s, 0)
        within("min_face", self.min_face, 0)
        within("regions_score", self.regions_score, 0, 1)


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """How emotions are read.

    Attributes:
        engine: What `open_engine` takes, or an engine of the caller's own; then
            `provider` and `rebuild` say nothing.
        provider: Where an `.onnx` runs, one of `runtime.engines.providers.PROVIDERS`.
        threads: Threads inside each network, the detector's too; one is best on two cores.
        rebuild: Build a plan that doesn't suit this machine again.
        max_batch: Most faces in one run of the engine.
        max_wait_s: How long a batch may wait for more faces, in seconds.
        embeddings: Give the features of each face that is read, in `EmotionResult.embedding`.
    """

    engine: str | Path | Engine = "default"
    provider: str = "cpu"
    threads: int = 1
    rebuild: bool = False
    max_batch: int = 16
    max_wait_s: float = 0.0
    embeddings: bool = False

    def __post_init__(self) -> None:
        check_engine(self.engine)
        within("max_batch", self.max_batch, 1)
        within("max_wait_s", self.max_wait_s, 0)


@dataclass(frozen=True, slots=True)
class LabelsConfig:
    """What steadies labels over time.

    Attributes:
        temporal_head: What `runtime.emotion.temporal.choose_head` takes.
        smoothing_s: Time constant of the labels' average in seconds (0.25 where there
            is no head); given, it takes the place of `auto`'s head.
    """

    temporal_head: str | Path = "auto"
    smoothing_s: float | None = None

    def __post_init__(self) -> None:
        within("smoothing_s", self.smoothing_s, 0)


@dataclass(frozen=True, slots=True)
class LatencyConfig:
    """How long a result may take, or is made to.

    Attributes:
        target_s: Time from capture to result in seconds that 99% of a live source's
            frames shall keep to, by less work where it must be
            (`runtime.pipeline.load_shedding`); None sheds nothing.
        look_ahead_s: Media time in seconds by which results of what isn't live are
            held back, so that their regions hold faces that are found only after them
            (`runtime.pipeline.look_ahead`); nothing else of them changes.
    """

    target_s: float | None = None
    look_ahead_s: float = 0.0

    def __post_init__(self) -> None:
        within("target_s", self.target_s, 0)
        within("look_ahead_s", self.look_ahead_s, 0)


@dataclass(frozen=True, slots=True)
class PipelineConfig:
    """Everything that `Pipeline` needs to know.

    Attributes:
        sources: At least one.
        detector: How faces are found.
        engine: How emotions are read.
        labels: What steadies them.
        latency: How long a result may take.
        max_frames: Ends after so many results, of 0 without reading any; None for never.

    Raises:
        UserError: There is no source, two have the same name, or a number is out of
            its range.
    """

    sources: tuple[SourceConfig, ...] = (SourceConfig("0"),)
    detector: DetectorConfig = field(default_factory=DetectorConfig)
    engine: EngineConfig = field(default_factory=EngineConfig)
    labels: LabelsConfig = field(default_factory=LabelsConfig)
    latency: LatencyConfig = field(default_factory=LatencyConfig)
    max_frames: int | None = None

    def __post_init__(self) -> None:
        if not self.sources:
            raise SourceError("a pipeline needs a source; try demo")
        names = [source.name for source in self.sources if source.name is not None]
        for name in names:
            if names.count(name) > 1:
                raise UserError(f"two sources have the name {name!r}")
        if self.max_frames is not None and (
            isinstance(self.max_frames, bool) or not isinstance(self.max_frames, Integral)
        ):
            raise TypeError(f"max_frames must be a whole number, not {self.max_frames!r}")
        within("max_frames", self.max_frames, 0)

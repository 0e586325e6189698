"""What a pipeline is made of: opened in the right order, freed in the other."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from runtime.detectors.base import Detector
from runtime.detectors.catalogue import FACE_SCORE
from runtime.detectors.factory import open_detector
from runtime.emotion.classifier import Classifier
from runtime.emotion.temporal import TemporalHead, choose_head
from runtime.engines.base import Engine
from runtime.engines.factory import open_engine
from runtime.pipeline.config import DetectorConfig, PipelineConfig
from runtime.pipeline.recognition import RecognitionStage
from runtime.sources.base import Source
from runtime.sources.factory import open_source
from runtime.sources.group import SourceGroup, open_group

_Closable = TypeVar("_Closable", Source, Engine, Detector, TemporalHead)


class Parts:
    """Engine, detector, recognition and sources, of which what was opened here is freed here.

    Attributes:
        engine: Reads emotions.
        detector: Finds faces.
        recognition: Reads the faces of frames, with whatever steadies their labels.
        group: The sources.
    """

    engine: Engine
    detector: Detector
    recognition: RecognitionStage
    group: SourceGroup

    def __init__(self, config: PipelineConfig) -> None:
        """Opens everything.

        Args:
            config: What to open; what is open already remains its owner's.

        Raises:
            UserError: A model or option is wrong, or no source can be opened; nothing
                stays open.
        """
        self._opened: list[Source | Engine | Detector | TemporalHead] = []
        try:
            # Models first: a camera's light shouldn't go on for a broken model.
            self._open_models(config)
            self.group = open_group(config.sources, open_source, self._own)
        except BaseException:
            self.free()
            raise

    def free(self) -> None:
        """Closes what was opened here, the latest first; can be called again."""
        while self._opened:
            self._opened.pop().close()

    def _open_models(self, config: PipelineConfig) -> None:
        settings, labels = config.engine, config.labels
        self.engine = (
            self._own(
                open_engine(settings.engine, settings.provider, settings.threads, settings.rebuild)
            )
            if isinstance(settings.engine, (str, Path))
            else settings.engine
        )
        self.detector = (
            self._own(_open_detector(config.detector, config.detector.detector, settings.threads))
            if isinstance(config.detector.detector, str)
            else config.detector.detector
        )
        head = choose_head(labels.temporal_head, self.engine.manifest, labels.smoothing_s)
        if head is not None:
            self._own(head)
        self.recognition = RecognitionStage(
            Classifier(self.engine, settings.max_batch, settings.embeddings),
            len(config.sources),
            labels.smoothing_s,
            head,
        )

    def _own(self, thing: _Closable) -> _Closable:
        self._opened.append(thing)
        return thing


def _open_detector(config: DetectorConfig, name: str, threads: int) -> Detector:
    """Opens a detector that also finds what is to be covered and may be no face."""
    return open_detector(
        name,
        config.model,
        config.size,
        min(FACE_SCORE, config.regions_score),
        threads,
        extents=config.regions_score < FACE_SCORE,
    )

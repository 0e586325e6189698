"""The flat keywords of `Pipeline`, and the configuration that they stand for."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypedDict

from runtime.errors import SourceError
from runtime.pipeline.config import (
    DetectorConfig,
    EngineConfig,
    LabelsConfig,
    LatencyConfig,
    PipelineConfig,
)
from runtime.sources.config import SourceConfig, check_source, is_source
from runtime.support.net.tls import Tls

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from runtime.detectors.base import Detector
    from runtime.engines.base import Engine
    from runtime.sources.base import Source
    from runtime.vision.zones import Zones


#: What stands for one source.
AnySource: TypeAlias = "int | str | bytes | os.PathLike[Any] | Source | SourceConfig"


class PipelineKeywords(TypedDict, total=False):
    """The flat keywords of `Pipeline`: seconds, or milliseconds in `_ms`.

    Attributes:
        detector_model: `DetectorConfig.model`.
        detect_size: `DetectorConfig.size`.
        detect_interval_s: `DetectorConfig.interval_s`.
        regions_score: `DetectorConfig.regions_score`.
        raw_boxes: `DetectorConfig.raw_boxes`.
        min_face: `DetectorConfig.min_face`.
        provider: `EngineConfig.provider`.
        threads: `EngineConfig.threads`.
        rebuild: `EngineConfig.rebuild`.
        max_batch: `EngineConfig.max_batch`.
        max_wait_ms: `EngineConfig.max_wait_s`.
        embeddings: `EngineConfig.embeddings`.
        smoothing_s: `LabelsConfig.smoothing_s`.
        temporal_head: `LabelsConfig.temporal_head`.
        latency_target_ms: `LatencyConfig.target_s`.
        look_ahead_s: `LatencyConfig.look_ahead_s`.
        max_frames: `PipelineConfig.max_frames`.
        reconnect_s: `SourceConfig.reconnect_s` of every source.
        zones: `SourceConfig.zones` of every source.
        tls: Whom the connection of each source trusts, in their order; the system's
            authorities where that is shorter.
    """

    detector_model: str | None
    detect_size: int
    detect_interval_s: float | None
    regions_score: float
    raw_boxes: bool
    min_face: float
    provider: str
    threads: int
    rebuild: bool
    max_batch: int
    max_wait_ms: float
    embeddings: bool
    smoothing_s: float | None
    temporal_head: str | Path
    latency_target_ms: float | None
    look_ahead_s: float
    max_frames: int | None
    reconnect_s: float
    zones: str | Path | Zones | None
    tls: Sequence[Tls]


#: Part and name of the setting that each keyword stands for.
_PLACES = {
    "detector_model": ("detector", "model"),
    "detect_size": ("detector", "size"),
    "detect_interval_s": ("detector", "interval_s"),
    "regions_score": ("detector", "regions_score"),
    "raw_boxes": ("detector", "raw_boxes"),
    "min_face": ("detector", "min_face"),
    "provider": ("engine", "provider"),
    "threads": ("engine", "threads"),
    "rebuild": ("engine", "rebuild"),
    "max_batch": ("engine", "max_batch"),
    "max_wait_ms": ("engine", "max_wait_s"),
    "embeddings": ("engine", "embeddings"),
    "smoothing_s": ("labels", "smoothing_s"),
    "temporal_head": ("labels", "temporal_head"),
    "latency_target_ms": ("latency", "target_s"),
    "look_ahead_s": ("latency", "look_ahead_s"),
    "max_frames": ("", "max_frames"),
    "reconnect_s": ("sources", "reconnect_s"),
    "zones": ("sources", "zones"),
    "tls": ("sources", "tls"),
}


def _several(sources: Any) -> list[Any]:
    """One source or several as a list.

    Raises:
        TypeError: It is neither.
    """
    if is_source(sources) or isinstance(sources, SourceConfig):
        return [sources]
    if isinstance(sources, Mapping) or not hasattr(type(sources), "__iter__"):
        check_source(sources)
    if type(sources).__module__ == "numpy":
        raise TypeError(
            "a Pipeline takes sources, not an array: make a Source of your own of its pictures, "
            "or take EmotionRecognizer.predict_many"
        )
    return list(sources)


def config_of(
    sources: AnySource | Sequence[AnySource] = ("0",),
    engine: str | Path | Engine = "default",
    detector: str | Detector = "centerface",
    **keywords: Unpack[PipelineKeywords],
) -> PipelineConfig:
    """Makes a configuration from flat keywords.

    Args:
        sources: `SourceConfig.source` of one or several, or a `SourceConfig` itself, which
            such keywords say nothing of.
        engine: `EngineConfig.engine`.
        detector: `DetectorConfig.detector`.
        keywords: Those that are left out keep the configuration's defaults.

    Raises:
        UserError: As `PipelineConfig`, or a source is empty.
        TypeError: A keyword is unknown, or something is no source, engine or detector.
    """
    parts: dict[str, dict[str, Any]] = {part: {} for part, _ in _PLACES.values()}
    for keyword, value in keywords.items():
        if keyword not in _PLACES:
            raise TypeError(f"Pipeline has no keyword {keyword!r}")
        part, name = _PLACES[keyword]
        milliseconds = keyword.endswith("_ms") and isinstance(value, (int, float))
        parts[part][name] = value / 1e3 if milliseconds else value  # type: ignore[operator]
    several = _several(sources)
    # It would name the current folder.
    if any(isinstance(source, (str, bytes)) and not source for source in several):
        raise SourceError("a source must not be empty")
    trusts = [*parts["sources"].pop("tls", ()), *[Tls()] * len(several)]
    return PipelineConfig(
        tuple(
            source
            if isinstance(source, SourceConfig)
            else SourceConfig(
                source, tls_ca=tls.authorities, tls_insecure=tls.insecure, **parts["sources"]
            )
            for source, tls in zip(several, trusts, strict=False)
        ),
        DetectorConfig(detector, **parts["detector"]),
        EngineConfig(engine, **parts["engine"]),
        LabelsConfig(**parts["labels"]),
        LatencyConfig(**parts["latency"]),
        **parts[""],
    )

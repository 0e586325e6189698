"""Pipelines as users run them: every default is the runtime's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from runtime.engines.base import Engine
from runtime.pipeline.config import EngineConfig, LatencyConfig, PipelineConfig
from runtime.sources.base import Source
from runtime.sources.config import SourceConfig


def config_of(
    sources: Sequence[Source],
    engine: str | Engine,
    threads: int = 1,
    latency_target_ms: float | None = None,
    **more: Any,
) -> PipelineConfig:
    """What the pipeline runs on: the defaults that users have, but for what a benchmark asks for.

    Args:
        sources: Opened sources.
        engine: The model, by name or opened.
        threads: Threads inside each network.
        latency_target_ms: As `--latency_target`; None sheds no load.
        more: Other fields of `PipelineConfig`.
    """
    target_s = None if latency_target_ms is None else latency_target_ms / 1e3
    return PipelineConfig(
        sources=tuple(SourceConfig(source) for source in sources),
        engine=EngineConfig(engine, threads=threads),
        latency=LatencyConfig(target_s),
        **more,
    )

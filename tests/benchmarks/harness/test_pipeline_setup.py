"""Benchmarks run what users run: the runtime's own defaults, the head of the model among them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.harness.pipeline_setup import config_of
from benchmarks.harness.synthetic import SyntheticVideo, render
from runtime.engines.catalogue import model_path
from runtime.engines.factory import open_engine
from runtime.pipeline.config import PipelineConfig
from runtime.pipeline.parts import Parts
from runtime.sources.config import SourceConfig


def test_what_is_not_asked_for_is_the_runtimes_default() -> None:
    video = SyntheticVideo(render(1, 1), 1)
    config = config_of([video], "default")
    assert config == PipelineConfig(sources=(SourceConfig(video),))
    config = config_of([video], "main", 2, 40.0, max_frames=9)
    assert (config.engine.engine, config.engine.threads) == ("main", 2)
    assert (config.latency.target_s, config.max_frames) == (0.04, 9)
    default = replace(config, engine=PipelineConfig().engine, latency=PipelineConfig().latency)
    assert default == PipelineConfig(sources=(SourceConfig(video),), max_frames=9)


@pytest.mark.parametrize("how", ["name", "path", "engine"])
def test_the_shipped_model_has_its_head_however_it_is_opened(how: str) -> None:
    path = str(model_path("main", "cpu"))
    with_name = {"name": "main", "path": path, "engine": open_engine(path)}
    parts = Parts(config_of([SyntheticVideo(render(1, 1), 1)], with_name[how]))
    try:
        assert parts.recognition._head is not None
    finally:
        parts.free()

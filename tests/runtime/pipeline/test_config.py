"""What a configuration holds, and refuses."""

from __future__ import annotations

import dataclasses
import math
import subprocess
import sys

import pytest

from runtime import Pipeline
from runtime.errors import SourceError, UserError
from runtime.options.webcam import WebcamOptions, pipeline_config
from runtime.pipeline.config import (
    DetectorConfig,
    EngineConfig,
    LabelsConfig,
    LatencyConfig,
    PipelineConfig,
)
from runtime.sources.config import SourceConfig
from runtime.support.net.tls import Tls
from tests.conftest import REPO
from tests.support.fakes import Brain, Finder, Pictures

PARTS = (SourceConfig, DetectorConfig, EngineConfig, LabelsConfig, LatencyConfig, PipelineConfig)


def test_the_command_without_flags_asks_for_the_defaults():
    assert pipeline_config(WebcamOptions()) == PipelineConfig()
    assert hash(PipelineConfig()) == hash(PipelineConfig())


@pytest.mark.parametrize("part", PARTS)
def test_every_setting_is_documented_and_none_can_be_changed(part):
    value = SourceConfig("0") if part is SourceConfig else part()
    for field in dataclasses.fields(part):
        assert f"        {field.name}: " in part.__doc__
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(value, field.name, None)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SourceConfig("0", reconnect_s=-1), "reconnect_s must be 0 or more, not -1"),
        (lambda: DetectorConfig(interval_s=-0.1), "interval_s must be 0 or more, not -0.1"),
        (lambda: DetectorConfig(regions_score=2), "regions_score must be 0 to 1, not 2"),
        (lambda: EngineConfig(max_batch=0), "max_batch must be 1 or more, not 0"),
        (lambda: EngineConfig(max_wait_s=math.nan), "max_wait_s must be 0 or more, not nan"),
        (lambda: LabelsConfig(smoothing_s=-1), "smoothing_s must be 0 or more, not -1"),
        (lambda: LatencyConfig(target_s=-1), "target_s must be 0 or more, not -1"),
        (lambda: LatencyConfig(look_ahead_s=-1), "look_ahead_s must be 0 or more, not -1"),
        (lambda: PipelineConfig(max_frames=-1), "max_frames must be 0 or more, not -1"),
        (
            lambda: PipelineConfig((SourceConfig("0", "door"), SourceConfig("1", "door"))),
            "two sources have the name 'door'",
        ),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(make, message):
    with pytest.raises(UserError) as refused:
        make()
    assert str(refused.value) == message


def test_a_pipeline_needs_a_source():
    with pytest.raises(SourceError, match="try demo"):
        PipelineConfig(())


def test_the_settings_of_a_source_say_whom_it_trusts():
    assert SourceConfig("0").tls == Tls()
    assert SourceConfig("0", tls_ca="a.pem", tls_insecure=True).tls == Tls("a.pem", True)


def test_a_pipeline_runs_by_a_configuration_alone(tiny_engine):
    config = PipelineConfig(
        (SourceConfig("demo", "stage"), SourceConfig("demo", reconnect_s=0)),
        engine=EngineConfig(str(tiny_engine)),
        max_frames=6,
    )
    with Pipeline(config) as pipeline:
        results = list(pipeline)
        assert len(results) == 6
        assert all(r.source == ("stage", "demo")[r.stream] for r in results)
        assert [source.name for source in pipeline.sources] == ["stage", "demo"]
        assert pipeline.config is config
        assert pipeline.metrics.summary()["streams"][0]["name"] == "stage"
    with pytest.raises(TypeError, match="alone"):
        Pipeline(config, str(tiny_engine))
    with pytest.raises(TypeError, match="alone"):
        Pipeline(config, threads=2)


def test_objects_of_the_caller_stay_the_callers():
    source, engine, detector = Pictures(5), Brain(), Finder()
    config = PipelineConfig(
        (SourceConfig(source),), DetectorConfig(detector), EngineConfig(engine, max_batch=2)
    )
    with Pipeline(config) as pipeline:
        assert len(list(pipeline)) == 5
    assert not source.closed


def test_targets_reach_load_shedding_in_milliseconds():
    config = PipelineConfig(
        (SourceConfig(Pictures(1)),),
        DetectorConfig(Finder()),
        EngineConfig(Brain()),
        latency=LatencyConfig(target_s=0.057),
    )
    with Pipeline(config) as pipeline:
        assert pipeline.load_shedding.figures()["target_ms"] == 57


def test_it_loads_nothing_heavy():
    heavy = "('cv2', 'numpy', 'onnxruntime', 'yaml', 'av')"
    code = f"import runtime.pipeline.config, sys; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.strip() == "[]", done.stderr

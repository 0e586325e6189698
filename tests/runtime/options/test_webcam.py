"""What the webcam's options ask for."""

from __future__ import annotations

from runtime.options.webcam import WebcamOptions, pipeline_config
from runtime.pipeline.config import (
    DetectorConfig,
    EngineConfig,
    LabelsConfig,
    LatencyConfig,
    PipelineConfig,
)
from runtime.sources.config import SourceConfig
from runtime.support.cli import parse_options
from runtime.vision.anonymize import COVER_SCORE, LOOK_AHEAD_S


def parse(*argv: str) -> PipelineConfig:
    return pipeline_config(parse_options(WebcamOptions, "x", argv))


def test_milliseconds_become_seconds_once():
    config = parse("--detect_interval", "100", "--latency_target", "250")
    assert config.detector.interval_s == 0.1
    assert config.latency.target_s == 0.25


def test_every_option_of_the_pipeline_reaches_it():
    got = parse(
        *("--source", "a", "b", "--engine", "e.onnx", "--provider", "cuda", "--threads", "3"),
        *("--rebuild", "--detector", "scrfd", "--detector_model", "d.onnx", "--detect_size"),
        *("480", "--detect_interval", "0", "--temporal_head", "none", "--smoothing_s", "0.5"),
        *("--max_frames", "9", "--reconnect_s", "4"),
    )
    assert got == PipelineConfig(
        (SourceConfig("a", reconnect_s=4.0), SourceConfig("b", reconnect_s=4.0)),
        DetectorConfig("scrfd", "d.onnx", 480, 0.0),
        EngineConfig("e.onnx", "cuda", 3, True),
        LabelsConfig("none", 0.5),
        LatencyConfig(None),
        9,
    )


def test_hidden_faces_are_looked_for_in_every_frame():
    got = parse("--anonymize", "--detect_interval", "500")
    assert got.detector == DetectorConfig(interval_s=None, regions_score=COVER_SCORE)
    assert got.latency == LatencyConfig(None, LOOK_AHEAD_S)

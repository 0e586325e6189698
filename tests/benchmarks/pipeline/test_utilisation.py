"""Utilisation and the bottleneck by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.harness.synthetic import PacedCamera, SyntheticVideo, render
from benchmarks.pipeline.utilisation import STAGES, alone_ms, slowest, utilisation
from runtime.pipeline.config import DetectorConfig, EngineConfig, PipelineConfig
from runtime.sources.config import SourceConfig


def _loop() -> SyntheticVideo:
    return SyntheticVideo([np.zeros((4, 4, 3), np.uint8)], 1)


def test_utilisation_by_hand() -> None:
    totals = {"capture": (20, 1.0), "detect": (5, 3.0), "predict": (5, 1.0), "latency": (9, 99.0)}
    shares = utilisation(totals, 5.0, [_loop(), _loop()])
    assert shares == {"capture": 0.1, "detect": pytest.approx(0.8), "classify": 0}


def test_a_cameras_wait_is_no_work() -> None:
    camera = PacedCamera(_loop(), 30)
    camera.waited_s = 3.0
    assert utilisation({"capture": (90, 3.5)}, 5.0, [camera])["capture"] == pytest.approx(0.1)


def test_the_slowest_stage_is_that_alone() -> None:
    shares = {"capture": 0.2, "detect": 0.7, "classify": 0.9}
    found = slowest(shares, {"capture": 1.0, "detect": 20.0, "classify": 10.0}, 40.0)
    assert found.busiest == "classify"
    assert found.slowest == "detect"
    assert found.slowest_alone_fps == 50
    assert found.fps_over_slowest == 0.8


def test_stages_alone(tiny_engine: Path) -> None:
    video = SyntheticVideo(render(1, 2), 2)
    config = PipelineConfig(
        sources=(SourceConfig(video),),
        detector=DetectorConfig(size=160),
        engine=EngineConfig(str(tiny_engine)),
        max_frames=5,
    )
    times = alone_ms(config)
    assert set(times) == set(STAGES)
    assert all(ms > 0 for ms in times.values())
    assert video.read() is None

import subprocess
import sys

import prometheus_client
import pytest
from prometheus_client import parser

from runtime.telemetry.metrics import Metrics
from runtime.telemetry.prometheus import exposition
from tests.conftest import REPO
from tests.runtime.telemetry.test_metrics import measured

SINKS = {'mq"t\\t': {"sent": 7, "dropped": 2, "refused": 3, "queued": 1, "lost": 0}}

DOOR = {"stream": "0", "source": "door"}
YARD = {"stream": "1", "source": "yard"}


def samples(text: str) -> dict[tuple[str, frozenset], float]:
    return {
        (s.name, frozenset(s.labels.items())): s.value
        for family in parser.text_string_to_metric_families(text)
        for s in family.samples
    }


@pytest.fixture
def got():
    found = samples(exposition(measured(), lambda: SINKS))
    return lambda name, **labels: found[f"emotion_{name}", frozenset(labels.items())]


def test_every_family_has_its_kind():
    text = exposition(measured(), lambda: SINKS)
    kinds = {f.name: f.type for f in parser.text_string_to_metric_families(text)}
    assert kinds == {
        "emotion_frames": "counter",
        "emotion_faces": "counter",
        "emotion_dropped": "counter",
        "emotion_reconnects": "counter",
        "emotion_stream_up": "gauge",
        "emotion_latency_seconds": "histogram",
        "emotion_fps": "gauge",
        "emotion_stage_seconds": "histogram",
        "emotion_sink_sent": "counter",
        "emotion_sink_dropped": "counter",
        "emotion_sink_refused": "counter",
        "emotion_sink_queued": "gauge",
    }


def test_each_stream_has_its_figures(got):
    assert got("frames_total", **DOOR) == 100
    assert got("frames_total", **YARD) == 1
    assert got("faces_total", **DOOR) == 200
    assert got("dropped_total", **DOOR) == 0
    assert got("dropped_total", **YARD) == 5
    assert got("reconnects_total", **YARD) == 0
    assert got("stream_up", **DOOR) == 1
    assert got("fps") > 0


def test_histograms_are_cumulative_and_in_seconds(got):
    assert got("stage_seconds_bucket", stage="detect", le="0.001") == 1
    assert got("stage_seconds_bucket", stage="detect", le="0.05") == 50
    assert got("stage_seconds_bucket", stage="detect", le="+Inf") == 100
    assert got("stage_seconds_sum", stage="detect") == pytest.approx(5.05)
    assert got("stage_seconds_count", stage="detect") == 100
    assert got("stage_seconds_count", stage="capture_to_result") == 101
    assert got("latency_seconds_bucket", le="0.5", **DOOR) == 50
    assert got("latency_seconds_count", **DOOR) == 100
    assert got("latency_seconds_bucket", le="0.04", **YARD) == 1
    assert got("latency_seconds_sum", **YARD) == pytest.approx(0.04)


def test_sinks_have_theirs(got):
    assert got("sink_dropped_total", sink='mq"t\\t') == 2
    assert got("sink_sent_total", sink='mq"t\\t') == 7
    assert got("sink_queued", sink='mq"t\\t') == 1


def test_a_stream_that_ended_is_not_up():
    metrics = measured()
    metrics.set_state(1, "failed")
    found = samples(exposition(metrics))
    assert found["emotion_stream_up", frozenset(YARD.items())] == 0


def test_before_anything_runs_only_the_rate_is_there():
    assert samples(exposition(Metrics())) == {("emotion_fps", frozenset()): 0.0}


def test_the_host_programs_own_metrics_stay_apart():
    before = list(prometheus_client.REGISTRY._collector_to_names)
    own = prometheus_client.Counter("host_programs_own", "Not ours.")
    try:
        assert "host_programs_own" not in exposition(measured())
        assert "python_info" not in exposition(measured())
    finally:
        prometheus_client.REGISTRY.unregister(own)
    assert list(prometheus_client.REGISTRY._collector_to_names) == before


def test_the_library_is_imported_only_for_a_port():
    code = """
import sys, runtime.webcam, runtime.pipeline.pipeline, runtime.sinks.group
assert "prometheus_client" not in sys.modules
import runtime.telemetry.server
assert "prometheus_client" in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], cwd=REPO, check=True)

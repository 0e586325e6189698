from __future__ import annotations

import threading
from types import SimpleNamespace

import numpy as np
import pytest

from runtime.pipeline.pipeline import Pipeline
from runtime.telemetry.metrics import Metrics


def measured() -> Metrics:
    metrics = Metrics([SimpleNamespace(name="door"), SimpleNamespace(name="yard")])
    for i in range(1, 101):
        metrics.observe("detect", float(i))
        metrics.result(2, 10.0 * i)
    metrics.result(1, 40.0, stream=1)
    metrics.dropped(1, 5)
    return metrics


def test_the_rate_falls_while_nothing_comes(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("runtime.telemetry.metrics.time", SimpleNamespace(monotonic=lambda: now[0]))
    metrics = Metrics()
    assert metrics.rate() == 0
    for _ in range(200):
        now[0] += 0.05
        metrics.result(1, 1.0)
    assert metrics.rate() == pytest.approx(20)
    now[0] += 100
    assert metrics.rate() < 1
    assert metrics.last_result() == (pytest.approx(100), True)


def test_a_summary_tells_of_all_and_of_each_stream():
    summary = measured().summary()
    assert (summary["frames"], summary["faces"], summary["dropped"]) == (101, 201, 5)
    assert summary["stages"]["detect"] == {"p50": 50.5, "p90": 90.1, "p99": 99.01}
    assert [list(stream) for stream in summary["streams"]] == [
        ["name", "frames", "dropped", "reconnects", "state"]
    ] * 2
    assert [stream["frames"] for stream in summary["streams"]] == [100, 1]
    assert [stream["dropped"] for stream in summary["streams"]] == [0, 5]


def test_totals_and_latencies():
    metrics = measured()
    assert metrics.totals()["detect"] == (100, pytest.approx(5.05))
    door, yard = metrics.streams()
    assert (door["faces"], yard["faces"]) == (200, 1)
    assert door["latency"].count == 100
    assert door["latency"].seconds == pytest.approx(50.5)
    assert yard["latency"].count == 1


def test_a_start_begins_anew_and_an_earlier_reference_reads_on():
    metrics = measured()
    kept = metrics
    metrics.set_state(0, "ended")
    metrics.start([SimpleNamespace(name="hall")])
    summary = kept.summary()
    assert (summary["frames"], summary["dropped"], summary["stages"]) == (0, 0, {})
    assert [(s["name"], s["state"]) for s in summary["streams"]] == [("hall", "running")]
    assert kept.last_result()[1] is False
    metrics.result(1, 1.0)
    assert kept.summary()["frames"] == 1


def test_no_stage_waits_for_percentiles(monkeypatch):
    """They are computed from a copy, while the lock is free."""
    metrics = measured()
    compute, free = np.percentile, []

    def percentile(*args):
        def stage() -> None:
            metrics.observe("detect", 1.0)
            free.append(True)

        thread = threading.Thread(target=stage, daemon=True)
        thread.start()
        thread.join(30)
        return compute(*args)

    monkeypatch.setattr(np, "percentile", percentile)
    metrics.summary()
    assert len(free) == 2  # of `detect` and `latency`


def test_many_threads_lose_nothing():
    metrics = Metrics([SimpleNamespace(name="door")])

    def work() -> None:
        for _ in range(500):
            metrics.result(1, 2.0)
            metrics.observe("detect", 1.0)
            metrics.summary()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert metrics.summary()["frames"] == 2000
    assert metrics.totals()["detect"][0] == 2000


def test_a_pipeline_has_one_for_its_whole_life(tiny_engine):
    with Pipeline("demo", tiny_engine, max_frames=3) as pipeline:
        kept = pipeline.metrics
        assert len(list(pipeline)) == 3
        assert pipeline.metrics is kept
    assert kept.summary()["frames"] == 3

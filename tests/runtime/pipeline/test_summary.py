"""The lines at a run's end."""

from __future__ import annotations

from collections import Counter

from runtime.pipeline.load_shedding import LoadShedding
from runtime.pipeline.summary import summary_lines
from runtime.sources.demo import DemoSource
from runtime.telemetry.metrics import Metrics


def test_a_run_without_a_frame_has_two_lines():
    metrics = {**Metrics().summary(), "shed": LoadShedding(None).figures()}
    lines = summary_lines(metrics, Counter())
    assert lines[0].startswith("0 frames in 0.0 s")
    assert lines[1:] == ["0 faces: none"]


def test_latency_levels_sources_and_labels_are_told():
    metrics = Metrics([DemoSource(), DemoSource()])
    metrics.observe("detect", 12.0)
    metrics.result(3, 40.0, 1)
    shed = {**LoadShedding(250).figures(), "level": 2, "deepest": 4}
    lines = summary_lines(
        {**metrics.summary(), "shed": shed}, Counter({"anger": 2, "uncertain": 1})
    )
    text = "\n".join(lines)
    assert "capture to result: p50 40 ms, p90 40 ms, p99 40 ms" in text
    assert "250 ms: level 2 of 8 at the end, 4 at the most" in text
    assert "source 1 (demo): 1 frames, 0 dropped, 0 reconnects, running" in text
    assert lines[-1] == "3 faces: anger 67%, uncertain 33%"

"""Metrics in Prometheus' text format 0.0.4, by its own library.

Imported only where somebody asks for a port: the library takes a while to import.
Figures are collected when they are asked for, into a registry of our own: nothing
of the process or of the host program's metrics appears among them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import accumulate

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.registry import Collector

from runtime.telemetry.histogram import BOUNDS_S, Counts
from runtime.telemetry.metrics import Metrics

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

#: Counts of each sink that may drop, by its name.
SinkCounts = Mapping[str, Mapping[str, int]]

#: What the stages are called there; others keep their name.
_STAGES = {"latency": "capture_to_result"}

_STREAM = ("stream", "source")


class PipelineCollector(Collector):
    """Gives a pipeline's figures at the moment they are asked for."""

    def __init__(self, metrics: Metrics, sinks: Callable[[], SinkCounts] = dict) -> None:
        """Reads nothing yet.

        Args:
            metrics: The pipeline's.
            sinks: Gives the counts of each sink that may drop, by name.
        """
        self._metrics = metrics
        self._sinks = sinks

    def collect(self) -> Iterable[Metric]:
        """All families, in the order in which they are shown."""
        yield from self._of_streams()
        rate = GaugeMetricFamily("emotion_fps", "Results a second, of the latest ones.")
        rate.add_metric((), float(f"{self._metrics.rate():.4g}"))
        yield rate
        stages = HistogramMetricFamily(
            "emotion_stage_seconds", "Time of each run of a stage.", labels=("stage",)
        )
        for stage, counts in sorted(self._metrics.stages().items()):
            stages.add_metric((_STAGES.get(stage, stage),), *_histogram(counts))
        yield stages
        yield from self._of_sinks()

    def _of_streams(self) -> Iterable[Metric]:
        streams = [
            ((str(number), found["name"]), found)
            for number, found in enumerate(self._metrics.streams())
        ]
        for key, text in (
            ("frames", "Frames with a result."),
            ("faces", "Faces in them."),
            ("dropped", "Frames of live sources that were dropped to stay up to date."),
            ("reconnects", "How often a lost camera or stream came back."),
        ):
            counter = CounterMetricFamily(f"emotion_{key}", text, labels=_STREAM)
            for labels, found in streams:
                counter.add_metric(labels, found[key])
            yield counter
        running = GaugeMetricFamily(
            "emotion_stream_up", "1 while a source gives frames, 0 otherwise.", labels=_STREAM
        )
        latency = HistogramMetricFamily(
            "emotion_latency_seconds", "From a frame's capture to its result.", labels=_STREAM
        )
        for labels, found in streams:
            running.add_metric(labels, found["state"] == "running")
            latency.add_metric(labels, *_histogram(found["latency"]))
        yield running
        yield latency

    def _of_sinks(self) -> Iterable[Metric]:
        sinks = self._sinks()
        if not sinks:
            return
        sent = CounterMetricFamily(
            "emotion_sink_sent", "Messages that the receiver has.", labels=("sink",)
        )
        dropped = CounterMetricFamily(
            "emotion_sink_dropped",
            "Messages dropped: the receiver is too slow or gone.",
            labels=("sink",),
        )
        refused = CounterMetricFamily(
            "emotion_sink_refused", "Messages that the receiver refused.", labels=("sink",)
        )
        queued = GaugeMetricFamily("emotion_sink_queued", "Messages that wait.", labels=("sink",))
        for name, counts in sinks.items():
            sent.add_metric((name,), counts["sent"])
            dropped.add_metric((name,), counts["dropped"])
            refused.add_metric((name,), counts["refused"])
            queued.add_metric((name,), counts["queued"])
        yield from (sent, dropped, refused, queued)


def exposition(metrics: Metrics, sinks: Callable[[], SinkCounts] = dict) -> str:
    """All figures of a run, as text.

    Args:
        metrics: The pipeline's.
        sinks: Gives the counts of each sink that may drop, by name.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(PipelineCollector(metrics, sinks))
    return generate_latest(registry).decode()


def _histogram(counts: Counts) -> tuple[list[tuple[str, float]], float]:
    """Buckets as Prometheus wants them, each with all that is below, and the sum."""
    bounds = (*(f"{bound:g}" for bound in BOUNDS_S), "+Inf")
    return list(zip(bounds, accumulate(counts.buckets), strict=True)), counts.seconds

"""Metrics in Prometheus' text format 0.0.4."""

from __future__ import annotations

from collections.abc import Mapping

from runtime.telemetry.metrics import Metrics

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_QUANTILES = {"0.5": "p50", "0.9": "p90", "0.99": "p99"}

#: What the stages are called there; others keep their name.
_STAGES = {"latency": "capture_to_result"}


def exposition(metrics: Metrics, sinks: Mapping[str, Mapping[str, int]]) -> str:
    """All figures of a run.

    Args:
        metrics: The pipeline's.
        sinks: Counts of each sink that may drop, by name.
    """
    summary, totals = metrics.summary(), metrics.totals()
    lines: list[str] = []
    for name, text in (
        ("frames", "Frames with a result."),
        ("faces", "Faces in them."),
        ("dropped", "Frames of live sources that were dropped to stay up to date."),
    ):
        lines += _family(f"emotion_{name}_total", "counter", text)
        lines.append(f"emotion_{name}_total {summary[name]}")
    lines += _family("emotion_fps", "gauge", "Results a second, of late.")
    lines.append(f"emotion_fps {metrics.rate():.4g}")
    lines += _family(
        "emotion_stage_seconds", "summary", "Time in each stage; quantiles of the latest runs."
    )
    for stage, quantiles in sorted(summary["stages"].items()):
        label = _quote(_STAGES.get(stage, stage))
        for quantile, key in _QUANTILES.items():
            lines.append(
                f'emotion_stage_seconds{{stage={label},quantile="{quantile}"}} '
                f"{quantiles[key] / 1e3:.6g}"
            )
        count, seconds = totals[stage]
        lines.append(f"emotion_stage_seconds_sum{{stage={label}}} {seconds:.9g}")
        lines.append(f"emotion_stage_seconds_count{{stage={label}}} {count}")
    if sinks:
        for key, kind, text in (
            ("sent_total", "counter", "Messages that the receiver has."),
            ("dropped_total", "counter", "Messages dropped: the receiver is too slow or gone."),
            ("queued", "gauge", "Messages that wait."),
        ):
            lines += _family(f"emotion_sink_{key}", kind, text)
            lines += [
                f"emotion_sink_{key}{{sink={_quote(sink)}}} {counts[key.removesuffix('_total')]}"
                for sink, counts in sinks.items()
            ]
    return "\n".join(lines) + "\n"


def _family(name: str, kind: str, text: str) -> list[str]:
    return [f"# HELP {name} {text}", f"# TYPE {name} {kind}"]


def _quote(value: str) -> str:
    text = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{text}"'

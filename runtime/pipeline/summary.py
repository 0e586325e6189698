"""How a run went, for people."""

from __future__ import annotations

from collections import Counter
from typing import Any

from runtime.pipeline.load_shedding import LEVELS


def summary_lines(metrics: dict[str, Any], counts: Counter[str]) -> list[str]:
    """Lines that tell how a run went.

    Args:
        metrics: What `runtime.webcam.run` returns.
        counts: Faces by label.
    """
    latency = metrics["stages"].get("latency", {})
    lines = [
        f"{metrics['frames']} frames in {metrics['seconds']:.1f} s, {metrics['fps']:.1f} FPS, "
        f"{metrics['dropped']} dropped, first result after {metrics['first_result_s']:.2f} s"
    ]
    if latency:
        lines.append(
            "capture to result: p50 {p50:.0f} ms, p90 {p90:.0f} ms, p99 {p99:.0f} ms".format(
                **latency
            )
        )
    shed = metrics["shed"]
    if shed["deepest"]:
        lines.append(
            f"work was shed to keep to {shed['target_ms']:g} ms: level {shed['level']} of "
            f"{len(LEVELS) - 1} at the end, {shed['deepest']} at the most"
        )
    for stage in ("capture", "detect", "classify"):
        if stage in metrics["stages"]:
            lines.append(
                "  {:<9} p50 {p50:6.1f} ms  p99 {p99:6.1f} ms".format(
                    stage, **metrics["stages"][stage]
                )
            )
    streams = metrics["streams"]
    for number, stream in enumerate(streams):
        if len(streams) > 1 or stream["reconnects"]:
            lines.append(
                "  source {} ({name}): {frames} frames, {dropped} dropped, "
                "{reconnects} reconnects, {state}".format(number, **stream)
            )
    total = sum(counts.values())
    shares = [f"{name} {count / total:.0%}" for name, count in counts.most_common()]
    lines.append(f"{metrics['faces']} faces: {', '.join(shares) or 'none'}")
    return lines

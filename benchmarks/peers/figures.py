"""From what the peers did to the rows of the report."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.peers.catalogue import BASE
from benchmarks.peers.material import Material
from benchmarks.peers.rounds import Runner
from runtime.manifest import EMOTIONS


def make_rows(runners: Sequence[Runner], material: Material) -> list[dict[str, Any]]:
    """A row for each peer: figures, or `error`."""
    base = next((r for r in runners if r.peer.name == BASE and r.error is None), None)
    return [_row(runner, base, material) for runner in runners]


def _row(runner: Runner, base: Runner | None, material: Material) -> dict[str, Any]:
    peer, environment = runner.peer, runner.environment
    row: dict[str, Any] = {
        "peer": peer.name,
        "packages": peer.packages,
        "licence": peer.licence,
        "settings": peer.settings,
        "install_mb": environment and environment.megabytes,
        "install_s": environment and environment.install_s,
    }
    if runner.error is not None:
        return {**row, "error": runner.error}
    row |= {
        "versions": runner.versions,
        "backend": runner.backend,
        "start_s": round(runner.start_s, 2),
        "peak_memory_mb": runner.peak_memory_mb,
        "clips": [
            {"clip": what["name"], **_speed(runner, base, clip)}
            for clip, what in enumerate(material.clips)
            if clip in runner.frames_ms
        ],
    }
    if runner.said:
        row["faces"] = _faces(runner, base, material.truth)
    return row


def _speed(runner: Runner, base: Runner | None, clip: int) -> dict[str, Any]:
    """Means within a round, as some frames reuse what others computed; medians over the rounds."""
    rounds = runner.frames_ms[clip]
    means = [statistics.fmean(times) for times in rounds]
    every = np.concatenate(rounds)
    return {
        "fps": round(1e3 / statistics.median(means), 1),
        "frame_ms": round(statistics.median(means), 2),
        "p50_ms": round(float(np.percentile(every, 50)), 2),
        "p99_ms": round(float(np.percentile(every, 99)), 2),
        "faces_found": statistics.median(runner.found[clip]),
        "frames": len(every),
        **_ratios(
            means, [statistics.fmean(r) for r in base.frames_ms.get(clip, [])] if base else []
        ),
    }


def _ratios(own: Sequence[float], others: Sequence[float]) -> dict[str, Any]:
    """Times over ours of the same round."""
    ratios = [a / b for a, b in zip(own, others, strict=False)]
    return {
        "ratio": round(statistics.median(ratios), 3) if ratios else None,
        "ratios": [round(ratio, 3) for ratio in ratios],
    }


def _faces(runner: Runner, base: Runner | None, truth: Sequence[str]) -> dict[str, Any]:
    """Accuracy on the faces that it could name; one that it didn't find counts as wrong."""
    from train.evaluate.figures import wilson_interval

    scored = [index for index in sorted(runner.said) if truth[index] in runner.labels]
    hits = sum(runner.said[index] == truth[index] for index in scored)
    times = [statistics.median(part) for part in runner.faces_ms]
    figures: dict[str, Any] = {
        "n": len(scored),
        "lacks": [name for name in EMOTIONS if name not in runner.labels],
        "found": sum(runner.said[index] is not None for index in scored),
        "face_ms": round(statistics.median(times), 3),
        **_ratios(times, [statistics.median(part) for part in base.faces_ms] if base else []),
    }
    if scored:
        figures["accuracy"] = round(hits / len(scored), 4)
        figures["accuracy_95"] = [round(v, 4) for v in wilson_interval(hits, len(scored))]
    if base is not None:
        both = [index for index in scored if index in base.said]
        if both:
            right = sum(base.said[index] == truth[index] for index in both)
            figures["ours_on_the_same"] = round(right / len(both), 4)
    return figures

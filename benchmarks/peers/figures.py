"""From what the peers did to the rows of the report."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.harness.schema.peers import FailedPeer, PeerFaces, PeerRow, PeerSpeed
from benchmarks.harness.statistics import rounded, wilson
from benchmarks.peers.catalogue import BASE
from benchmarks.peers.material import Material
from benchmarks.peers.rounds import Runner
from runtime.manifest import EMOTIONS


def make_rows(runners: Sequence[Runner], material: Material) -> list[PeerRow | FailedPeer]:
    """A row for each peer."""
    base = next((r for r in runners if r.peer.name == BASE and r.error is None), None)
    return [_row(runner, base, material) for runner in runners]


def _row(runner: Runner, base: Runner | None, material: Material) -> PeerRow | FailedPeer:
    peer, environment = runner.peer, runner.environment
    install: dict[str, Any] = {
        "peer": peer.name,
        "packages": peer.packages,
        "licence": peer.licence,
        "settings": peer.settings,
        "install_mb": environment and environment.megabytes,
        "install_s": environment and environment.install_s,
    }
    if runner.error is not None:
        return FailedPeer(**install, error=runner.error)
    return PeerRow(
        **install,
        versions=runner.versions,
        backend=runner.backend,
        start_s=round(runner.start_s, 2),
        peak_memory_mb=runner.peak_memory_mb,
        clips=[
            _speed(runner, base, number, clip.name)
            for number, clip in enumerate(material.clips)
            if number in runner.frames_ms
        ],
        faces=_faces(runner, base, material.truth) if runner.said else None,
    )


def _speed(runner: Runner, base: Runner | None, number: int, name: str) -> PeerSpeed:
    """Means within a round, as some frames reuse what others computed; medians over the rounds."""
    rounds = runner.frames_ms[number]
    means = [statistics.fmean(times) for times in rounds]
    ours = [statistics.fmean(times) for times in base.frames_ms.get(number, [])] if base else []
    every = np.concatenate(rounds)
    return PeerSpeed(
        clip=name,
        fps=round(1e3 / statistics.median(means), 1),
        frame_ms=round(statistics.median(means), 2),
        p50_ms=round(float(np.percentile(every, 50)), 2),
        p99_ms=round(float(np.percentile(every, 99)), 2),
        faces_found=statistics.median(runner.found[number]),
        frames=len(every),
        **_ratios(means, ours),
    )


def _ratios(own: Sequence[float], others: Sequence[float]) -> dict[str, Any]:
    """Times over ours of the same round."""
    ratios = [a / b for a, b in zip(own, others, strict=False)]
    return {
        "ratio": round(statistics.median(ratios), 3) if ratios else None,
        "ratios": [round(ratio, 3) for ratio in ratios],
    }


def _faces(runner: Runner, base: Runner | None, truth: Sequence[str]) -> PeerFaces:
    """Accuracy on the faces that it could name; one that it didn't find counts as wrong."""
    scored = [index for index in sorted(runner.said) if truth[index] in runner.labels]
    accuracy = _accuracy(runner, scored, truth)
    times = [statistics.median(some) for some in runner.faces_ms]
    ours = [statistics.median(some) for some in base.faces_ms] if base else []
    both = [index for index in scored if base is not None and index in base.said]
    theirs = _accuracy(base, both, truth) if base is not None else None
    return PeerFaces(
        n=len(scored),
        lacks=[name for name in EMOTIONS if name not in runner.labels],
        found=sum(runner.said[index] is not None for index in scored),
        face_ms=round(statistics.median(times), 3),
        **_ratios(times, ours),
        accuracy=None if accuracy is None else round(accuracy, 4),
        accuracy_95=None if accuracy is None else rounded(wilson(accuracy, len(scored))),
        ours_on_the_same=None if theirs is None else round(theirs, 4),
    )


def _accuracy(runner: Runner, indices: Sequence[int], truth: Sequence[str]) -> float | None:
    """Share of these faces that it named right; None of no faces."""
    if not indices:
        return None
    return sum(runner.said[index] == truth[index] for index in indices) / len(indices)

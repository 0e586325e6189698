"""Markdown tables of `benchmarks.peers`."""

from __future__ import annotations

from typing import Any

from benchmarks.harness.schema.peers import PeerRow, PeersReport
from benchmarks.report.markdown import interval, percent, table


def peers(report: PeersReport) -> list[str]:
    """Ours beside the peers: speed on each clip, faces, costs; then what wasn't measured."""
    ran = [row for row in report.rows if isinstance(row, PeerRow)]
    heads = ["row", "clip", "FPS", "frame ms", "time / ours", "p99 ms", "faces found"]
    speeds = [
        [row.peer, clip.clip, clip.fps, clip.frame_ms, clip.ratio, clip.p99_ms, clip.faces_found]
        for row in ran
        for clip in row.clips
    ]
    blocks = [
        f"{report.cores} cores, threads: {report.threads}; medians of {report.rounds} rounds in "
        f"turns; load {report.machine.load_1min} before, {report.load_1min_after} after.",
        table(heads, speeds),
    ]
    if any(row.faces is not None for row in ran):
        heads = ["row", "accuracy", "95% interval", "n", "ours on the same", "not found", "lacks"]
        blocks.append(table([*heads, "face ms", "time / ours"], map(_peer_faces, ran)))
    heads = ["row", "start s", "peak MB", "installed MB", "versions", "backend", "used as"]
    costs = [
        [
            row.peer,
            row.start_s,
            row.peak_memory_mb,
            row.install_mb,
            ", ".join(f"{k} {v}" for k, v in row.versions.items()),
            row.backend,
            row.settings,
        ]
        for row in ran
    ]
    blocks.append(table(heads, costs))
    failed = [[row.peer, row.error] for row in report.rows if not isinstance(row, PeerRow)]
    return blocks + ([table(["row", "not measured"], failed)] if failed else [])


def _peer_faces(row: PeerRow) -> list[Any]:
    found = row.faces
    if found is None:
        return [row.peer, *[None] * 8]
    return [
        row.peer,
        percent(found.accuracy),
        interval(found.accuracy_95),
        found.n,
        percent(found.ours_on_the_same),
        found.n - found.found,
        ", ".join(found.lacks) or None,
        found.face_ms,
        found.ratio,
    ]

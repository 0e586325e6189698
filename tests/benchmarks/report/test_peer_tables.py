"""The peers' tables."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.harness.schema.peers import FailedPeer, PeerRow, PeersReport
from benchmarks.report.peer_tables import peers
from tests.benchmarks.committed import committed


def test_a_peer_without_faces_or_clips_and_one_that_failed() -> None:
    report = committed("peers", PeersReport)
    row = report.rows[0]
    assert isinstance(row, PeerRow)
    bare = replace(row, peer="bare", faces=None, clips=[])
    failed = FailedPeer(
        peer="c",
        packages=[],
        licence="MIT",
        settings="",
        install_mb=None,
        install_s=None,
        error="no weights",
    )
    text = "\n".join(peers(replace(report, rows=[row, bare, failed])))
    assert "| bare |  |  |  |  |  |  |  |  |" in text
    assert "| c | no weights |" in text
    assert f"| {row.peer} | {row.clips[0].clip} |" in text
    assert "not measured" not in "\n".join(peers(replace(report, rows=[row])))

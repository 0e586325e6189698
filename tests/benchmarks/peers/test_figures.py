"""Figures of peers that ran, by hand."""

from __future__ import annotations

from pathlib import Path

from benchmarks.harness.schema.peers import PeerRow
from benchmarks.peers.catalogue import BASE
from benchmarks.peers.figures import make_rows
from benchmarks.peers.material import Material
from tests.benchmarks.peers.conftest import GOOD, fake, run


def test_a_peer_is_measured(tmp_path: Path, material: Material) -> None:
    base = fake(tmp_path, BASE, GOOD)
    slow = fake(tmp_path, "slow", GOOD.replace("0.002", "0.02").replace("image.mean() > 128", "1"))
    rows = make_rows(run([base, slow], material), material)
    first, second = rows
    assert isinstance(first, PeerRow)
    assert isinstance(second, PeerRow)
    assert [row.peer for row in rows] == [BASE, "slow"]
    good, bad = first.faces, second.faces
    assert good is not None
    assert bad is not None
    # Contempt isn't scored, the black face counts as wrong, and one happy face is dark.
    assert (good.n, good.found, good.accuracy) == (7, 6, round(5 / 7, 4))
    assert "contempt" in good.lacks
    assert (bad.accuracy, bad.ours_on_the_same) == (round(4 / 7, 4), round(5 / 7, 4))
    assert len(bad.ratios) == 2
    assert bad.face_ms >= 20
    for clip in first.clips:
        assert clip.faces_found == 2
        assert clip.frames == 2 * 5
        assert clip.ratio == 1
    assert first.versions == {"fake": "1.0"}
    assert first.start_s > 0
    assert first.peak_memory_mb > 1

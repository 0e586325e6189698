"""Every peer is pinned, and its labels are ours."""

from __future__ import annotations

import json

import pytest

from benchmarks.peers.catalogue import BASE, OURS, PEERS, choose, our_label
from runtime.errors import UserError
from runtime.manifest import EMOTIONS


def test_labels_are_ours() -> None:
    theirs = {"angry": "anger", "Disgusted": "disgust", "fearful": "fear", "happy": "happiness"}
    theirs |= {"Sad": "sadness", "surprised": "surprise", "Contempt": "contempt"}
    for name, label in theirs.items():
        assert our_label(name) == label
    assert [our_label(label) for label in EMOTIONS] == list(EMOTIONS)
    with pytest.raises(UserError, match="'bored' is none of ours"):
        our_label("bored")


def test_every_peer_is_pinned_and_has_its_adapter() -> None:
    for peer in (*OURS, *PEERS.values()):
        assert peer.adapter.is_file()
        assert peer.licence
        assert peer.settings
    for peer in PEERS.values():
        assert peer.packages
        assert peer.lock is not None
        if peer.node:
            lock = json.loads((peer.lock / "package-lock.json").read_text())["packages"]
            assert lock.pop("")["dependencies"] == dict(p.rsplit("@", 1) for p in peer.packages)
            assert all(package["integrity"].startswith("sha512-") for package in lock.values())
            assert not any("resolved" in package for package in lock.values())
        else:
            lines = (peer.lock / "requirements.txt").read_text().splitlines()
            pinned = [line for line in lines if not line.startswith(("#", " "))]
            assert len(pinned) > len(peer.packages)
            assert all("==" in line and line.endswith("\\") for line in pinned)
    assert [peer.name for peer in choose(["fer"])] == [*(peer.name for peer in OURS), "fer"]
    assert OURS[0].name == BASE

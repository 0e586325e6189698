"""A peer's process ends in time, and sees nothing of ours."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.peers.catalogue import Peer
from benchmarks.peers.conversation import Conversation
from benchmarks.peers.environments import Environment
from benchmarks.peers.material import Material
from benchmarks.peers.rounds import run_rounds
from tests.benchmarks.peers.conftest import READY, fake, locked


def test_a_peer_that_hangs_is_a_row_and_ends(
    tmp_path: Path, material: Material, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = tmp_path / "pid"
    code = f"import os; open({str(mark)!r}, 'w').write(str(os.getpid()))\n{READY}"
    monkeypatch.setattr("benchmarks.peers.conversation._GRACE_S", 0.2)
    peer = fake(tmp_path, "bad", code + "sys.stdout.flush(); time.sleep(100)")
    runner = run_rounds([peer], material, tmp_path, 1, limit_s=0.3, install_s=1)[0]
    assert runner.error is not None
    assert runner.error.startswith("no answer within")
    with pytest.raises(ProcessLookupError):
        os.kill(int(mark.read_text()), 0)


@pytest.mark.parametrize("ours", [False, True])
def test_a_peer_sees_no_token_and_has_folders_of_its_own(
    tmp_path: Path, material: Material, monkeypatch: pytest.MonkeyPatch, ours: bool
) -> None:
    """A real child writes down all that it sees."""
    for name in ("HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "PIP_INDEX_URL", "HTTPS_PROXY", "LD_PRELOAD"):
        monkeypatch.setenv(name, "" if name == "LD_PRELOAD" else "secret")
    monkeypatch.setenv("ORT_DISABLE_TELEMETRY", "0")
    seen = tmp_path / "seen.json"
    code = f"import os, json; json.dump(dict(os.environ), open({str(seen)!r}, 'w'))\n{READY}"
    script = tmp_path / "peer.py"
    script.write_text(code)
    home = None if ours else tmp_path / "home"
    peer = Peer("p", script) if ours else replace(locked(tmp_path, ""), adapter=script)
    Conversation(peer, Environment(tmp_path, sys.executable, home), material.folder).close()
    env = json.loads(seen.read_text())
    assert "secret" not in env.values()
    names = {"PATH", "LANG", "LC_ALL", "LC_CTYPE", "HOME", "TMPDIR", "ORT_DISABLE_TELEMETRY"}
    names |= {"HF_HUB_DISABLE_TELEMETRY", "DO_NOT_TRACK", "CUDA_VISIBLE_DEVICES"}
    names |= {"TF_CPP_MIN_LOG_LEVEL", "OPENBLAS_CORETYPE"} | ({"PYTHONPATH"} if ours else set())
    assert {name for name in env if "CERT" not in name and "_CA_" not in name} <= names
    assert env["ORT_DISABLE_TELEMETRY"] == "1"
    assert env["HOME"] == (str(home) if home else env["TMPDIR"])
    assert env["HOME"] != os.environ["HOME"]
    assert not Path(env["TMPDIR"]).exists()

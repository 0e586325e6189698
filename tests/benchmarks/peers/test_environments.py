"""Environments are made once, of what the lock has the hash of."""

from __future__ import annotations

import hashlib
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from benchmarks.peers import environments
from benchmarks.peers.catalogue import OURS, PEERS, Peer
from benchmarks.peers.environments import MARK, Environment, prepare
from benchmarks.peers.processes import PeerError, run_quietly
from tests.benchmarks.peers.conftest import locked, write_wheel


class TestEnvironments:
    @pytest.fixture
    def peer(self, tmp_path: Path) -> Peer:
        return locked(tmp_path, "fer==1")

    def test_made_once_and_again_for_other_packages(
        self, tmp_path: Path, peer: Peer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # No network here: what pip would do is left out, a virtual environment is real.
        made = []

        def install(peer: Peer, folder: Path, limit_s: float, env: dict[str, str]) -> None:
            made.append(peer.packages)
            flags = [sys.executable, "-m", "venv", "--without-pip", str(folder)]
            run_quietly(flags, folder / "install.log", limit_s, env)

        monkeypatch.setattr(environments, "_install_python", install)
        first = prepare(peer, tmp_path, 60)
        assert first.fresh
        assert first.megabytes is not None
        again = prepare(peer, tmp_path, 60)
        assert not again.fresh
        assert again.megabytes == first.megabytes
        newer = locked(tmp_path, "fer==2")
        assert prepare(newer, tmp_path, 60).fresh
        (tmp_path / "p" / MARK).write_text("{")
        assert prepare(newer, tmp_path, 60).fresh
        assert made == [["fer==1"]] * 3

    @pytest.mark.parametrize(
        ("digest", "said"), [("0" * 64, "DO NOT MATCH THE HASHES"), (None, "installed"), ("", "")]
    )
    def test_only_what_the_lock_has_the_hash_of(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, digest: str | None, said: str
    ) -> None:
        """A wheel made here, in a lock of three kinds: another's hash, the right one, none."""
        wheel = write_wheel(tmp_path)
        right = hashlib.sha256(wheel.read_bytes()).hexdigest()
        line = f"pear @ {wheel.as_uri()}"
        if digest != "":
            line += f" --hash=sha256:{digest or right}"
        empty = tmp_path / "build.txt"
        empty.touch()
        monkeypatch.setattr(environments, "_BUILD", empty)
        peer = locked(tmp_path, line)
        if said == "installed":
            prepare(peer, tmp_path, 120)
            assert list((tmp_path / "p").glob("lib/python*/site-packages/pear.py"))
            return
        with pytest.raises(PeerError, match=f"^not installed: .*{said}"):
            prepare(peer, tmp_path, 120)
        assert not list((tmp_path / "p").glob("lib/python*/site-packages/pear.py"))

    def test_a_failed_install_is_not_trusted(self, tmp_path: Path) -> None:
        nowhere = locked(tmp_path, str(tmp_path / "none.whl"))
        with pytest.raises(PeerError, match="^not installed: "):
            prepare(nowhere, tmp_path, 120)
        assert not (tmp_path / "p" / MARK).exists()

    def test_an_install_has_a_time_limit(self, tmp_path: Path, peer: Peer) -> None:
        with pytest.raises(PeerError, match="not done after 0 s"):
            prepare(peer, tmp_path, 0.01)
        assert not (tmp_path / "p" / MARK).exists()

    def test_ctrl_c_leaves_nothing(
        self, tmp_path: Path, peer: Peer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def interrupt(*_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(environments, "_install_python", interrupt)
        with pytest.raises(KeyboardInterrupt):
            prepare(peer, tmp_path, 60)
        assert not (tmp_path / "p").exists()

    def test_two_runs_make_it_once(
        self, tmp_path: Path, peer: Peer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made = []

        def install(peer: Peer, folder: Path, limit_s: float, env: dict[str, str]) -> None:
            made.append(folder)
            time.sleep(0.3)
            (folder / "bin").mkdir()
            (folder / "bin" / "python").touch()

        monkeypatch.setattr(environments, "_install_python", install)
        with ThreadPoolExecutor(2) as pool:
            both = list(pool.map(lambda _: prepare(peer, tmp_path, 60), range(2)))
        assert len(made) == 1
        assert sorted(e.fresh for e in both) == [False, True]

    def test_no_node_is_a_reason(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(PeerError, match="node is needed"):
            prepare(PEERS["human"], tmp_path, 1)

    def test_ours_needs_none(self, tmp_path: Path) -> None:
        assert prepare(OURS[0], tmp_path, 1) == Environment(Path.cwd(), sys.executable)
        assert not list(tmp_path.iterdir())

"""Peers in turns: one that is slow does less, one that fails is a row."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.harness.schema.peers import FailedPeer, PeerRow
from benchmarks.peers.catalogue import BASE
from benchmarks.peers.figures import make_rows
from benchmarks.peers.material import Material
from benchmarks.peers.rounds import run_rounds
from tests.benchmarks.peers.conftest import GOOD, READY, fake, run


def test_a_slow_peer_does_fewer_frames(tmp_path: Path, material: Material) -> None:
    code = GOOD.replace('print("noise on standard output")', "time.sleep(0.3)")
    runner = run_rounds(
        [fake(tmp_path, "slow", code)], material, tmp_path, 1, limit_s=0.5, install_s=1
    )[0]
    assert runner.error is None
    assert [len(times) for times in runner.frames_ms[0]] == [2]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("raise ValueError('no weights')", "did not start: ended with code 1: ValueError: no weig"),
        ("sys.exit()", "did not start: ended with code 0: it says nothing"),
        ("print('hello', flush=True)", "did not start: said something else: 'hello'"),
        ("print('[1]', flush=True)", "did not start: said something else: '[1]'"),
        ("print('{}', flush=True)", "did not start: said something else than that it is ready"),
        (READY.replace("[]", '["bored"]'), "did not start: its label 'bored' is none of ours"),
        (READY + "sys.stdout.flush(); input(); 1 / 0", "ended with code 1: ZeroDivisionError"),
        (READY + "input(); print('junk')", "said something else: 'junk'"),
        (READY + "input(); print('{\"index\": 1}')", 'said something else: {"index": 1}'),
        (READY + "input(); print('{\"done\": true}')", "gave no answer"),
    ],
)
def test_what_fails_is_a_row(tmp_path: Path, material: Material, code: str, said: str) -> None:
    runners = run([fake(tmp_path, BASE, GOOD), fake(tmp_path, "bad", code)], material, rounds=1)
    good, bad = make_rows(runners, material)
    assert isinstance(bad, FailedPeer)
    assert bad.error.startswith(said)
    assert isinstance(good, PeerRow)

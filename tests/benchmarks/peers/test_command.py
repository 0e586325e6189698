"""The command with real small peers: one that fails leaves the others."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.harness.results import read_report
from benchmarks.peers.catalogue import OURS, PEERS
from benchmarks.peers.command import PROG, PeersOptions, main
from benchmarks.report.tables import tables
from runtime.support.cli import parse_options, run_command
from tests.conftest import REPO


def test_the_command_runs_ours_and_the_rest_goes_on(
    tmp_path: Path, faces: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # no Node.js
    allowed = os.sched_getaffinity(0)
    out = tmp_path / "peers.json"
    flags = ["--peers", "human", "--frames", "5", "--rounds", "1", "--dataset", "folder"]
    flags += ["--data_dir", str(faces), "--environments", str(tmp_path / "e")]
    assert run_command(main, [*flags, "--cores", "1", "--output_json", str(out)]) == 0
    assert os.sched_getaffinity(0) == allowed
    figures = json.loads(out.read_text())
    assert figures["benchmark"] == "peers"
    assert figures["cores"] == 1
    *ours, human = figures["rows"]
    assert "node is needed" in human["error"]
    for row in ours:
        assert row["faces"]["n"] == 8
        assert [clip["faces_found"] for clip in row["clips"]] == [1, 6]
    shown = "\n\n".join(tables(read_report(out)))
    assert "| default | 6 faces |" in shown
    assert "| human | not installed: node is needed" in shown
    assert shown in capsys.readouterr().out


def test_wrong_input_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for flags, said in (
        (["--source", "/no/such.mp4"], "/no/such.mp4"),
        (["--data_dir", "/no/such"], "--data_dir /no/such: no such folder"),
        (["--peers", "nobody"], "nobody"),
    ):
        assert run_command(main, [*flags, "--environments", str(tmp_path)]) == 2
        error = capsys.readouterr().err.splitlines()
        assert said in error[-1]
    assert not list(tmp_path.iterdir())


def test_ctrl_c_ends_the_peers(tmp_path: Path) -> None:
    """The command, interrupted: its children are gone with it."""
    options = parse_options(PeersOptions, PROG, [])
    assert options.peers == list(PEERS)
    command = [sys.executable, "-m", "benchmarks.peers", "--peers", "human", "--rounds", "1000"]
    with subprocess.Popen(
        [*command, "--environments", str(tmp_path)],
        cwd=REPO,
        env={**os.environ, "PATH": str(tmp_path)},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "warm-up done" in line:
                break
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        assert len(children) == len(OURS)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
    until = time.monotonic() + 5
    while any(Path("/proc", child).exists() for child in children) and time.monotonic() < until:
        time.sleep(0.05)
    assert not any(Path("/proc", child).exists() for child in children)

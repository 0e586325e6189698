"""Terminals that are full, closed, gone half-way, or know only ASCII."""

import json
import os
import subprocess
import sys
import threading

import pytest

from runtime.errors import UserError
from runtime.support.terminal import _Stream, is_closed
from tests.conftest import PORTRAIT, REPO

WEBCAM = ("runtime.webcam", "--headless", "--source", "demo", "--max_frames", "3")


@pytest.fixture
def run(tmp_path, tiny_engine):
    """Runs a module with its streams led elsewhere, as a shell writes it."""

    def run(where, module, *argv, **variables):
        command = [sys.executable, "-m", module, *argv, "--engine", tiny_engine]
        return subprocess.run(
            ["bash", "-c", f'exec "$@" {where}', "-", *map(os.fspath, command)],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(REPO), **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=120,
        )

    return run


def lines(data):
    return [json.loads(line) for line in data.decode("ascii").splitlines()]


def test_a_full_standard_output_is_one_line(run):
    done = run(">/dev/full", *WEBCAM, "--output_json", "-")
    assert done.returncode == 2
    assert done.stderr.endswith(b"error: standard output: No space left on device\n")
    assert b"Traceback" not in done.stderr


def test_a_full_standard_error_costs_no_result(run):
    done = run("2>/dev/full", *WEBCAM, "--output_json", "-")
    assert done.returncode == 0
    assert len(lines(done.stdout)) == 3


def test_with_all_streams_closed_no_file_gets_what_was_meant_for_them(run, tmp_path):
    argv = ("--output_json", "o.jsonl", "--output_video", "o.mp4", "--output_csv", "o.csv")
    done = run("<&- >&- 2>&-", *WEBCAM, *argv)
    assert done.returncode == 0
    assert len(lines((tmp_path / "o.jsonl").read_bytes())) == 3
    assert (tmp_path / "o.mp4").read_bytes()[4:8] == b"ftyp"
    assert (tmp_path / "o.csv").read_text().startswith("stream,")


def test_results_asked_for_on_a_closed_standard_output_are_missed(run):
    done = run(">&-", "runtime.predict", PORTRAIT, "--output_json", "-")
    assert done.returncode == 2
    assert done.stderr == b"error: --output_json -: standard output is closed\n"


def test_a_closed_standard_error_leaves_the_json_clean(run):
    done = run("2>&-", "runtime.predict", PORTRAIT, "nosuch.jpg", "--output_json", "-")
    assert done.returncode == 2
    (line,) = lines(done.stdout)
    assert line["path"] == str(PORTRAIT)


def test_a_reader_of_messages_that_goes_away_costs_no_result(run):
    done = run("2> >(exec true)", *WEBCAM, "--output_json", "-", "--verbose")
    assert done.returncode == 0
    assert len(lines(done.stdout)) == 3


@pytest.mark.parametrize("variables", [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C"}])
def test_names_on_a_terminal_that_knows_only_ascii(run, tmp_path, variables):
    names = [b"caf\xe9.jpg", "\u2603.jpg".encode(), b"a\nb\x1b[2J.jpg", b"-x.jpg"]
    for name in names:
        (tmp_path / os.fsdecode(name)).write_bytes(PORTRAIT.read_bytes())
    argv = [*map(os.fsdecode, names[:-1]), "./-x.jpg", "--face_crops"]
    done = run("", "runtime.predict", *argv, **{"PYTHONUTF8": "0", **variables})
    assert done.returncode == 0, done.stderr
    first, _, third, fourth = done.stdout.splitlines()
    assert first.startswith(rb"caf\xe9.jpg: ")
    assert third.startswith(rb"a\nb\x1b[2J.jpg: ")
    assert fourth.startswith(b"-x.jpg: ")


def test_doctor_on_a_full_and_on_a_closed_terminal(run):
    full = run(">/dev/full", "runtime.doctor", "--trial_s", "0")
    assert full.returncode == 2
    assert full.stderr == b"error: standard output: No space left on device\n"
    silent = run("2>&-", "runtime.doctor", "--trial_s", "0", "--json")
    assert json.loads(silent.stdout)["engine"]


def test_a_stream_that_does_not_block_is_waited_for():
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    stream = _Stream(writing, forgiving=False)
    data = os.urandom(1 << 20)
    got = bytearray()

    def drain():
        while len(got) < len(data):
            got.extend(os.read(reading, 1 << 16))

    thread = threading.Thread(target=drain)
    thread.start()
    assert stream.write(data) == len(data)
    thread.join()
    assert bytes(got) == data
    os.close(reading)
    with pytest.raises(BrokenPipeError):
        stream.write(b"x")
    assert _Stream(writing, forgiving=True).write(b"x") == 1
    os.close(writing)
    with pytest.raises(UserError, match="standard output: Bad file descriptor"):
        stream.write(b"x")
    assert is_closed(None)
    assert not is_closed(sys.stdout)

"""Stopping a pipeline from a signal handler, whatever lock is held just then."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.conftest import REPO

_START = """
import os, signal, threading, time
from runtime import Pipeline
from tests.support.fakes import Brain, Finder, Pictures
pipeline = Pipeline([Pictures(10_000, fps=100.0)], Brain(), Finder())
signal.signal(signal.SIGINT, lambda *_: pipeline.stop())
results = iter(pipeline)
next(results)
"""

#: The locks that stopping takes, each held by the thread that the handler interrupts.
_HELD = (
    _START
    + """
with {lock}:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.05)
count = sum(1 for _ in results)
assert count < 9_000, count
print("ended")
"""
)

#: Signals without end, while the main thread reads results and waits for some.
_STORM = (
    _START
    + """
signal.signal(signal.SIGALRM, lambda *_: pipeline.stop())
signal.setitimer(signal.ITIMER_REAL, 0.3, 0.0005)
count = sum(1 for _ in results)
signal.setitimer(signal.ITIMER_REAL, 0)
assert count < 9_000, count
print("ended")
"""
)


@pytest.mark.parametrize(
    "program",
    [
        *(
            _HELD.replace("{lock}", lock)
            for lock in (
                "pipeline._frames._changed",
                "pipeline._results._changed",
                "pipeline._stages._stop._cond",
                "pipeline._group._lock",
                "pipeline.metrics._lock",
            )
        ),
        _STORM,
    ],
    ids=["frames", "results", "stages", "sources", "metrics", "storm"],
)
def test_a_handler_that_stops_waits_for_no_lock(program):
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=REPO, capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "ended\n", done.stderr


def test_stopping_before_the_start_ends_at_once():
    from runtime import Pipeline
    from tests.support.fakes import Brain, Finder, Pictures

    pipeline = Pipeline([Pictures(100_000)], Brain(), Finder())
    pipeline.stop()
    assert len(list(pipeline)) < 100_000


def test_a_process_may_end_in_the_middle_of_a_run(tiny_engine):
    code = (
        "from runtime import Pipeline\n"
        f"kept = [iter(Pipeline('demo', {str(tiny_engine)!r})) for _ in range(3)]\n"
        "print([next(results).frame for results in kept])"
    )
    for _ in range(3):
        ended = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, timeout=60, cwd=REPO
        )
        assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"[0, 0, 0]\n", b"")

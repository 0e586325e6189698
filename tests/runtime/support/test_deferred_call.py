"""A call that is asked for in a signal handler, whatever lock the main thread holds."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from runtime.support.deferred_call import DeferredCall
from tests.conftest import REPO

_HANDLER = """
import os, signal, threading, time
from runtime.support.deferred_call import DeferredCall
from runtime.support.mailbox import Mailbox
box, event, done = Mailbox(1), threading.Event(), threading.Event()
call = DeferredCall("work", lambda: (event.set(), box.close(), done.set()))
call.start()
signal.signal(signal.SIGUSR1, lambda *_: call.ask())
"""

_HELD = (
    _HANDLER
    + """
with box._changed, event._cond:
    os.kill(os.getpid(), signal.SIGUSR1)
    time.sleep(0.05)
    assert not done.is_set()
assert done.wait(10)
"""
)

_STORM = (
    _HANDLER
    + """
signal.signal(signal.SIGALRM, lambda *_: call.ask())
signal.setitimer(signal.ITIMER_REAL, 0.02, 0.0002)
end = time.monotonic() + 1
while time.monotonic() < end:
    event.set(); event.clear()
    if not done.is_set():
        try: box.put(1); box.get()
        except Exception: pass
signal.setitimer(signal.ITIMER_REAL, 0)
assert done.wait(10)
call.close()
"""
)


@pytest.mark.parametrize("program", [_HELD, _STORM], ids=["held", "storm"])
def test_asking_in_a_handler_waits_for_no_lock(program):
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=REPO, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr


def test_only_the_first_time_counts_and_the_thread_ends():
    calls = []
    call = DeferredCall("work", lambda: calls.append(threading.current_thread().name))
    call.ask()
    call.ask()
    assert not calls
    before = threading.active_count()
    call.start()
    call.close()
    assert calls == ["work"]
    assert threading.active_count() == before


def test_what_nobody_asked_for_is_not_done():
    calls = []
    call = DeferredCall("work", lambda: calls.append(1))
    call.start()
    call.close()
    call.ask()
    assert not calls

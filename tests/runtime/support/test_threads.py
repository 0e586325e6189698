import threading
import time

import pytest

from runtime.errors import StageError
from runtime.support.mailbox import Mailbox
from runtime.support.threads import Stages, background, together


def nothing() -> None:
    pass


def test_the_first_error_is_kept_and_stops_the_others():
    stages, told = Stages(), []

    def wait() -> None:
        while not stages.stopped:
            time.sleep(0.001)
        raise ValueError("a consequence")

    def fail() -> None:
        raise ValueError("the cause")

    stages.spawn("waits", wait, lambda: told.append("waits"))
    stages.spawn("fails", fail, lambda: told.append("fails"))
    deadline = time.monotonic() + 30
    while len(told) < 2 and time.monotonic() < deadline:
        time.sleep(0.001)
    assert stages.join(30) == []
    assert isinstance(stages.error, StageError)
    assert (stages.error.stage, str(stages.error.__cause__)) == ("fails", "the cause")
    assert sorted(told) == ["fails", "waits"]


def test_a_closed_mailbox_is_no_error():
    stages, box = Stages(), Mailbox(1)
    stages.spawn("reads", lambda: box.get() and None, nothing)
    box.close()
    assert stages.join(30) == []
    assert stages.error is None


def test_errors_after_the_join_belong_to_the_shutdown():
    stages, go = Stages(), threading.Event()

    def fail() -> None:
        go.wait(30)
        raise ValueError("too late")

    stages.spawn("fails", fail, nothing)
    assert stages.join(0) == ["fails"]
    go.set()
    assert stages.join(30) == []
    assert stages.error is None


def test_a_thread_beside_it_keeps_no_process_alive():
    done = threading.Event()
    thread = background("beside", done.set)
    assert done.wait(30)
    assert (thread.name, thread.daemon) == ("beside", True)


def test_calls_run_at_the_same_time_and_keep_their_order():
    barrier = threading.Barrier(2, timeout=30)

    def fail() -> None:
        barrier.wait()
        raise KeyError("x")

    def give() -> str:
        barrier.wait()
        return "got"

    failed, gave = together([fail, give])
    with pytest.raises(KeyError):
        failed.result()
    assert gave.result() == "got"

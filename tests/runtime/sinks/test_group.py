import logging

import pytest

from runtime.errors import UserError
from runtime.sinks.group import SinkGroup
from runtime.sinks.remote.queue import RemoteSink
from tests.runtime.sinks.conftest import result
from tests.runtime.sinks.remote.test_queue import Receiver


class Failing:
    """A sink whose end goes wrong."""

    def __init__(self, name: str, error: BaseException | None = None) -> None:
        self.name, self.error, self.closed = name, error, 0

    def write(self, _) -> None:
        if self.error is not None and self.name == "writes":
            raise self.error

    def close(self) -> None:
        self.closed += 1
        if self.error is not None:
            raise self.error


def test_sinks_close_together_and_the_first_failure_is_told():
    far = Receiver()
    group = SinkGroup()
    group.add(Failing("bad", UserError("first")))
    group.add(RemoteSink(far, flush_s=60))
    group.write(result(7))
    with pytest.raises(UserError, match="first"):
        group.close()
    assert far.got == [7]
    assert group.counts()["fake"]["sent"] == 1


@pytest.mark.parametrize("error", [ValueError("a defect"), KeyboardInterrupt(), MemoryError()])
def test_whatever_one_raises_the_others_are_closed(error, caplog):
    sinks = [Failing("first", error), Failing("second", OSError(28, "full")), Failing("third")]
    group = SinkGroup()
    for sink in sinks:
        group.add(sink)
    with caplog.at_level(logging.WARNING), pytest.raises(type(error)):
        group.close()
    assert [sink.closed for sink in sinks] == [1, 1, 1]
    assert "second: [Errno 28] full" in caplog.text
    assert group.busy is None


@pytest.mark.parametrize("error", [UserError("disk full"), ZeroDivisionError(), GeneratorExit()])
def test_an_error_on_its_way_stays_the_first(error, caplog):
    group = SinkGroup()
    other = Failing("other", UserError("can't be finished"))
    group.add(other)

    def work() -> None:
        try:
            raise error
        finally:
            group.close()

    with pytest.raises(type(error)) as raised:
        work()
    assert raised.value is error
    assert other.closed == 1
    assert "other: can't be finished" in caplog.text


def test_the_same_failure_is_not_told_twice(caplog):
    sink = Failing("writes", UserError("--output_json x: No space left on device"))
    group = SinkGroup()
    group.add(sink)

    def work() -> None:
        try:
            group.write(result())
        finally:
            group.close()

    with pytest.raises(UserError, match="No space left"):
        work()
    assert sink.closed == 1
    assert not caplog.records

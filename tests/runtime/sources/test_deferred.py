"""Sources that are there only later."""

import pytest

from runtime.errors import SourceError, Unreachable
from runtime.sources.deferred import DeferredSource
from runtime.support.backoff import Retry
from tests.support.fakes import Pictures


class Door(Pictures):
    """A source that notes what is asked of it."""

    def __init__(self):
        super().__init__(3, fps=12.0)
        self.interrupted = False

    def interrupt(self):
        self.interrupted = True


def deferred(after, source, limit_s=60.0):
    """A source that is there at the attempt of a number."""
    tries = []

    def open_():
        tries.append(1)
        if len(tries) < after:
            raise Unreachable("still away")
        return source

    retry = Retry(limit_s, wait=lambda _: retry.interrupted)
    return DeferredSource("door", open_, Unreachable("away"), retry), tries


def test_it_is_opened_when_it_is_read_and_is_its_source_from_then_on(caplog):
    source, tries = deferred(3, Door())
    assert (source.name, source.live, source.fps) == ("door", True, 30.0)
    assert not source.found
    assert not source.connected
    assert tries == []
    assert source.read() is not None
    assert len(tries) == 3
    assert source.found
    assert source.connected
    assert (source.name, source.live, source.fps) == ("pictures", False, 12.0)
    assert source.reconnects == 0
    assert "there now" in caplog.text


def test_what_never_comes_is_the_first_error():
    source, _ = deferred(9, Door(), limit_s=0.0)
    with pytest.raises(SourceError, match="^away$"):
        source.read()
    source.close()


def test_another_error_than_being_away_is_told():
    def broken():
        raise SourceError("malformed")

    retry = Retry(60, wait=lambda _: False)
    source = DeferredSource("door", broken, Unreachable("away"), retry)
    with pytest.raises(SourceError, match="malformed"):
        source.read()


def test_an_interrupt_reaches_what_was_found_and_ends_the_waiting():
    door = Door()
    source, _ = deferred(1, door)
    source.read()
    source.interrupt()
    assert door.interrupted
    waiting, tries = deferred(1, Door())
    waiting.interrupt()
    with pytest.raises(SourceError, match="away"):
        waiting.read()
    assert tries == []


def test_what_comes_during_an_interrupt_is_closed():
    door = Door()

    def open_():
        source.interrupt()
        return door

    retry = Retry(60, wait=lambda _: False)
    source = DeferredSource("door", open_, Unreachable("away"), retry)
    with pytest.raises(SourceError, match="away"):
        source.read()
    assert door.closed

"""What a pipeline opens it frees, and nothing else."""

from __future__ import annotations

import pytest

import runtime.pipeline.parts as module
from runtime.errors import SourceError, UserError
from runtime.pipeline.keywords import config_of
from runtime.pipeline.parts import Parts
from tests.support.fakes import Brain, Finder, Pictures


@pytest.fixture
def closed(monkeypatch):
    """Kinds of what is closed, in order."""
    kinds: list[str] = []

    def watch(name):
        opens = getattr(module, name)

        def tracked(*args, **kwargs):
            thing = opens(*args, **kwargs)
            close = thing.close
            thing.close = lambda: (kinds.append(name), close())
            return thing

        monkeypatch.setattr(module, name, tracked)

    for name in ("open_engine", "open_detector", "open_source"):
        watch(name)
    return kinds


def test_the_latest_is_freed_first_and_once(tiny_engine, closed):
    parts = Parts(config_of("demo", str(tiny_engine)))
    assert not closed
    parts.free()
    parts.free()
    assert closed == ["open_source", "open_detector", "open_engine"]


def test_nothing_stays_open_where_something_fails(tiny_engine, closed):
    with pytest.raises(SourceError):
        Parts(config_of("/nope.mp4", str(tiny_engine)))
    assert closed == ["open_detector", "open_engine"]
    closed.clear()
    with pytest.raises(UserError, match="detector"):
        Parts(config_of("demo", str(tiny_engine), "nose"))
    assert closed == ["open_engine"]


def test_what_the_caller_opened_is_the_callers(closed):
    source, engine, detector = Pictures(1), Brain(), Finder()
    parts = Parts(config_of([source], engine, detector))
    assert (parts.engine, parts.detector) == (engine, detector)
    assert list(parts.group.sources) == [source]
    parts.free()
    assert not source.closed
    assert not closed

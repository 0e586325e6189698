"""Several sources of which one may fail."""

import math
from pathlib import Path

import pytest

from runtime.errors import SourceError, StageError, Unreachable
from runtime.sources.config import SourceConfig
from runtime.sources.deferred import DeferredSource
from runtime.sources.group import SourceGroup, Unopened, open_group
from tests.support.fakes import Pictures


class Noted(Pictures):
    """A source that counts its interrupts."""

    interrupts = 0

    def interrupt(self):
        self.interrupts += 1


def opener(config):
    spec = str(config.source)
    """Opens what is named `good`, another time what is `away`, and nothing else."""
    if spec == "good":
        return Noted(3)
    raise (Unreachable if spec == "away" else SourceError)(f"{spec}: no")


def group_of(specs, reconnect_s=math.inf, owned=None):
    owned = [] if owned is None else owned
    configs = [SourceConfig(spec, reconnect_s=reconnect_s) for spec in specs]
    return open_group(configs, opener, lambda s: owned.append(s) or s)


def test_one_that_opens_is_enough():
    owned = []
    mine = Noted(1)
    group = group_of(["good", "bad", "away", Path("good"), mine], owned=owned)
    kinds = [type(source) for source in group.sources]
    assert kinds == [Noted, Unopened, DeferredSource, Noted, Noted]
    assert mine not in owned, "the caller's own stays the caller's"
    assert len(owned) == 3
    with pytest.raises(SourceError, match="bad: no"):
        group.sources[1].read()


def test_who_may_not_be_tried_again_is_no_deferred_source():
    group = group_of(["good", "away"], reconnect_s=0.0)
    assert isinstance(group.sources[1], Unopened)


def test_none_that_opens_is_the_first_error(caplog):
    with pytest.raises(SourceError, match="^bad: no$"):
        group_of(["bad", "away", "worse"])
    assert "away: no" in caplog.text
    assert "worse: no" in caplog.text


def test_the_first_failure_counts_and_the_last_source_raises_it():
    group = SourceGroup([Noted(1), Noted(1)])
    first, second = (StageError("capture", i, ValueError(str(i))) for i in (1, 2))
    group.fail(0, first)
    group.fail(0, second)
    assert group.failed(0)
    assert not group.failed(1)
    assert group.sources[0].interrupts == 1
    with pytest.raises(StageError) as error:
        group.fail(1, second)
    assert error.value is first


def test_the_end_of_all_ends_the_waiting_for_those_that_never_came():
    group = group_of(["good", "away", "away"])
    assert group.is_running(0)
    assert not group.ended(0), "two are still tried"
    assert not group.is_running(0)
    for number in (1, 2):
        with pytest.raises(SourceError):
            group.sources[number].read()
    assert not group.ended(1)
    assert group.ended(2)


def test_an_interrupt_reaches_every_source():
    group = SourceGroup([Noted(1), Noted(1)])
    group.interrupt()
    assert [source.interrupts for source in group.sources] == [1, 1]


@pytest.mark.parametrize(
    ("spec", "insecure", "word"),
    [
        ("rtsp://me:secret@host/a", False, "rtsp"),
        ("https://host/a", True, "not verified"),
    ],
)
def test_what_others_could_read_or_change_is_told(spec, insecure, word, caplog):
    open_group([SourceConfig(spec, tls_insecure=insecure)], lambda *_: Noted(1), lambda s: s)
    assert word in caplog.text
    assert "secret" not in caplog.text

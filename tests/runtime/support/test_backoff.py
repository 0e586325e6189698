import threading

import pytest

from runtime.support.backoff import Pauses, Retry


def test_pauses_double_between_limits_and_begin_anew():
    pauses = Pauses(lambda: 0.0, limits_s=(1.0, 6.0))
    assert [pauses.next_s() for _ in range(5)] == [1, 2, 4, 6, 6]
    pauses.reset()
    assert pauses.next_s() == 1


def test_a_pause_is_up_to_a_fifth_shorter():
    assert Pauses(lambda: 1.0).next_s() == pytest.approx(0.4)
    assert {Pauses().next_s() for _ in range(20)} != {0.5}


def test_after_months_a_pause_is_still_a_number():
    pauses = Pauses(lambda: 0.0)
    for _ in range(5000):
        longest = pauses.next_s()
    assert longest == 30


class Clock:
    """Time that passes in pauses alone."""

    def __init__(self) -> None:
        self.now, self.pauses = 0.0, []

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> bool:
        self.pauses.append(seconds)
        self.now += seconds
        return False


def test_it_tries_until_something_is_there():
    clock = Clock()
    found = iter([None, None, "here"])
    retry = Retry(clock=clock, wait=clock.wait, pauses=Pauses(lambda: 0.0))
    assert retry.until(lambda: next(found)) == "here"
    assert clock.pauses == [0.5, 1, 2]


def test_it_gives_up_after_its_time():
    clock = Clock()
    retry = Retry(2.0, clock=clock, wait=clock.wait, pauses=Pauses(lambda: 0.0))
    with pytest.raises(TimeoutError):
        retry.until(lambda: None)
    assert clock.pauses == [0.5, 1, 0.5]
    with pytest.raises(TimeoutError):
        Retry(0.0).until(lambda: "never asked")


def test_an_interrupt_ends_a_pause_and_all_later_ones():
    retry = Retry(pauses=Pauses(limits_s=(3600, 3600)))
    threading.Timer(0.05, retry.interrupt).start()
    assert retry.until(lambda: "never asked") is None
    assert retry.interrupted
    assert retry.until(lambda: "never asked") is None

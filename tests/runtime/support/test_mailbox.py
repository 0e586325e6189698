import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.support.mailbox import Closed, Mailbox, Policy


@given(st.lists(st.integers(0, 3), max_size=60), st.integers(1, 5))
def test_latest_keeps_the_newest_of_each_lane_in_order(keys, capacity):
    box: Mailbox[tuple[int, int]] = Mailbox(capacity)
    dropped = sum(box.put((k, i), k, Policy.LATEST) for i, k in enumerate(keys))
    got = [box.get(0) for _ in range(len(box))]
    assert dropped == len(keys) - len(got)
    for key in range(4):
        sent = [(k, i) for i, k in enumerate(keys) if k == key]
        assert [g for g in got if g and g[0] == key] == sent[-capacity:]


@given(st.lists(st.integers(0, 9), min_size=1, max_size=20))
def test_lanes_are_read_in_turns(first_lane):
    box: Mailbox[str] = Mailbox(100)
    for _ in first_lane:
        box.put("a", 0)
    box.put("b", 1)
    assert "b" in {box.get(0), box.get(0)}


def test_block_waits_for_room_and_loses_nothing():
    box: Mailbox[int] = Mailbox(2)
    thread = threading.Thread(target=lambda: [box.put(i) for i in range(200)] and box.close())
    thread.start()
    got = []
    with pytest.raises(Closed):
        while True:
            got.append(box.get(5))
    thread.join(5)
    assert got == list(range(200))


def test_close_wakes_a_waiting_sender_and_reader():
    full: Mailbox[int] = Mailbox(1)
    full.put(1)
    empty: Mailbox[int] = Mailbox(1)
    ends: list[str] = []

    def send() -> None:
        try:
            full.put(2)
        except Closed:
            ends.append("sender")

    def read() -> None:
        try:
            empty.get()
        except Closed:
            ends.append("reader")

    threads = [threading.Thread(target=send), threading.Thread(target=read)]
    for thread in threads:
        thread.start()
    time.sleep(0.05)
    full.close()
    empty.close()
    for thread in threads:
        thread.join(5)
    assert sorted(ends) == ["reader", "sender"]


def test_what_is_left_can_be_read_after_closing():
    box: Mailbox[int] = Mailbox(3)
    box.put(1)
    box.close()
    with pytest.raises(Closed):
        box.put(2)
    assert box.get() == 1
    with pytest.raises(Closed):
        box.get()


def test_discard_empties():
    box: Mailbox[int] = Mailbox(3)
    box.put(1)
    box.close(discard=True)
    with pytest.raises(Closed):
        box.get()


def test_time_limit_gives_none():
    assert Mailbox[int](1).get(0.01) is None


def test_capacity_must_be_positive():
    with pytest.raises(ValueError, match="capacity"):
        Mailbox(0)

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.pipeline.batching import Batcher


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@given(st.lists(st.integers(0, 5), max_size=50), st.integers(1, 8))
def test_every_item_leaves_once_in_order(weights, max_size):
    batcher: Batcher[int] = Batcher(max_size, 1.0, Clock())
    out, batches = [], []
    for index, weight in enumerate(weights):
        batcher.add(index, weight)
        if batcher.full:
            batches.append(batcher.take())
            out += batches[-1]
    out += batcher.take()
    assert out == list(range(len(weights)))
    for batch in batches:
        # Full only by its last item.
        assert sum(weights[i] for i in batch) >= max_size
        assert sum(weights[i] for i in batch[:-1]) < max_size


@given(st.floats(0, 10), st.floats(0, 20))
def test_the_first_item_waits_no_longer_than_the_limit(limit, elapsed):
    clock = Clock()
    batcher: Batcher[str] = Batcher(10, limit, clock)
    batcher.add("a")
    clock.now = elapsed
    batcher.add("b")  # a later one doesn't restart the wait
    assert batcher.wait_s() == pytest.approx(max(0.0, limit - elapsed))


def test_a_full_batch_is_due_at_once():
    batcher: Batcher[str] = Batcher(2, 5.0, Clock())
    batcher.add("a", 2)
    assert batcher.wait_s() == 0.0


@pytest.mark.parametrize(("size", "wait"), [(0, 1.0), (1, -1.0)])
def test_limits_are_checked(size, wait):
    with pytest.raises(ValueError, match="max_size"):
        Batcher(size, wait, Clock())

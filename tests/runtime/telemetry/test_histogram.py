import pytest

from runtime.telemetry.histogram import BOUNDS_S, Histogram


def test_a_duration_is_in_the_bucket_whose_bound_it_does_not_exceed():
    histogram = Histogram()
    for seconds in (0.0, 0.001, 0.0011, 5.0, 5.1, 1e9):
        histogram.add(seconds)
    counts = histogram.counts()
    assert counts.buckets[:3] == (2, 1, 0)
    assert counts.buckets[-2:] == (1, 2)
    assert counts.count == 6
    assert counts.seconds == pytest.approx(1e9 + 10.1021)


def test_bounds_grow_and_a_copy_stays_as_it_was():
    assert list(BOUNDS_S) == sorted(set(BOUNDS_S))
    histogram = Histogram()
    before = histogram.counts()
    histogram.add(1.0)
    assert (before.count, histogram.counts().count) == (0, 1)

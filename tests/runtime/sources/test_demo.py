"""The built-in demo."""

import numpy as np

from runtime.sources.factory import open_source


def test_demo_is_the_same_in_every_run():
    a, b = open_source("demo"), open_source("demo")
    for _ in range(3):
        x, y = a.read(), b.read()
        assert x.time_s == y.time_s
        np.testing.assert_array_equal(x.picture.bgr(), y.picture.bgr())
    assert x.picture.bgr().shape == (480, 640, 3)

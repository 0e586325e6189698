"""Numbers of settings."""

import math

import pytest

from runtime.errors import UserError
from runtime.support.ranges import within


@pytest.mark.parametrize("value", [None, 0, 0.0, 1, 0.5])
def test_what_is_inside_passes(value):
    within("share", value, 0, 1)


@pytest.mark.parametrize("value", [-1e-9, 1.1, math.nan, math.inf])
def test_what_is_outside_is_named(value):
    with pytest.raises(UserError, match=r"^share must be 0 to 1, not "):
        within("share", value, 0, 1)


def test_a_range_without_an_end_says_so():
    within("seconds", math.inf, 0)
    with pytest.raises(UserError, match="^seconds must be 2 or more, not 1$"):
        within("seconds", 1, 2)

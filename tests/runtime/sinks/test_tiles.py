"""Where pictures go in a window."""

from __future__ import annotations

import pytest

from runtime.sinks.tiles import columns_of, fitted


@pytest.mark.parametrize(
    ("count", "grid"),
    [(0, (1, 1)), (1, (1, 1)), (2, (2, 1)), (3, (2, 2)), (5, (3, 2)), (9, (3, 3))],
)
def test_tiles_make_a_grid(count: int, grid: tuple[int, int]) -> None:
    assert columns_of(count) == grid


def test_a_picture_stands_in_the_middle_of_its_place() -> None:
    assert fitted((64, 48), (0, 0, 128, 96)) == (0, 0, 128, 96)
    assert fitted((64, 48), (10, 20, 128, 48)) == (42, 20, 64, 48)
    assert fitted((1000, 1), (0, 0, 100, 100)) == (0, 49, 100, 1)

"""Turns of pictures: the eight there are, and display matrices."""

import struct

import numpy as np
import pytest

from runtime.vision.turning import UPRIGHT, composed, turn_of_matrix, turned

IMAGE = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
TURNS = [(quarters, mirrored) for quarters in range(4) for mirrored in (False, True)]


def expected(image, turn):
    image = np.rot90(image, -turn[0])
    return image[:, ::-1] if turn[1] else image


@pytest.mark.parametrize("turn", TURNS)
def test_each_turn_is_quarters_and_then_a_mirror(turn):
    assert np.array_equal(turned(IMAGE, turn), expected(IMAGE, turn))


def test_nothing_is_copied_where_nothing_is_asked_for():
    assert turned(IMAGE, UPRIGHT) is IMAGE


@pytest.mark.parametrize("first", TURNS)
@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
@pytest.mark.parametrize("flip", [None, "horizontal", "vertical"])
def test_two_turns_are_one(first, rotate, flip):
    once = turned(IMAGE, first)
    twice = np.rot90(once, -(rotate // 90))
    if flip is not None:
        twice = twice[:, ::-1] if flip == "horizontal" else twice[::-1]
    assert np.array_equal(turned(IMAGE, composed(first, rotate, flip)), twice)


@pytest.mark.parametrize("turn", TURNS)
def test_a_matrix_says_where_each_pixel_goes(turn):
    # Of the right and the lower neighbour of a pixel, the way each takes.
    way = {0: (1, 0, 0, 1), 1: (0, 1, -1, 0), 2: (-1, 0, 0, -1), 3: (0, -1, 1, 0)}[turn[0]]
    a, b, c, d = (-way[0], way[1], -way[2], way[3]) if turn[1] else way
    numbers = (a << 16, b << 16, 0, c << 16, d << 16, 0, 5, 7, 1 << 30)
    assert turn_of_matrix(struct.pack("=9i", *numbers)) == turn


@pytest.mark.parametrize("data", [b"", b"\0" * 35, b"\0" * 36])
def test_what_is_no_matrix_turns_nothing(data):
    assert turn_of_matrix(data) == UPRIGHT

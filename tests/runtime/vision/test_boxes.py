"""Boxes: overlaps and sweeps."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.vision.boxes import iou_matrix, sweep

NUMBERS = st.floats(-100, 100)
BOXES = st.tuples(NUMBERS, NUMBERS, st.floats(1, 50), st.floats(1, 50)).map(
    lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3])
)


def test_overlap_of_known_boxes():
    boxes = np.array([[0, 0, 10, 10], [5, 0, 15, 10], [20, 20, 30, 30], [3, 3, 3, 3]], float)
    iou = iou_matrix(boxes, boxes)
    assert iou[0].tolist() == pytest.approx([1, 1 / 3, 0, 0])
    assert iou[3, 3] == 0, "an empty box overlaps nothing"
    assert iou_matrix(boxes[:0], boxes).shape == (0, 4)


@given(BOXES, BOXES)
def test_a_sweep_has_both_ends_and_small_steps(start, end):
    boxes = sweep(start, end)
    if len(boxes) == 1 and start != end:  # a long way is one box that holds both
        (x1, y1, x2, y2) = boxes[0]
        assert x1 <= min(start[0], end[0])
        assert y1 <= min(start[1], end[1])
        assert x2 >= max(start[2], end[2])
        assert y2 >= max(start[3], end[3])
        return
    assert boxes[0] == pytest.approx(start)
    assert boxes[-1] == pytest.approx(end)
    wide, high = start[2] - start[0], start[3] - start[1]
    for a, b in pairwise(boxes):
        assert abs(b[0] - a[0]) <= wide / 2 + 1e-6
        assert abs(b[1] - a[1]) <= high / 2 + 1e-6

"""Boxes and labels on a copy of the frame."""

import numpy as np
import pytest

from runtime.messages import EmotionResult, FrameResult
from runtime.vision.draw import EMOTION_COLORS, annotate


def result(box, emotion="happiness", uncertain=False, size=(120, 160)):
    face = EmotionResult(3, box, 0.9, emotion, 0.8, uncertain, {})
    return FrameResult(0, 0, 0.0, np.zeros((*size, 3), np.uint8), (face,), 1.0)


def test_the_frame_itself_stays_untouched():
    item = result((30, 40, 80, 100))
    assert annotate(item, "12 FPS").any()
    assert not item.image.any()


@pytest.mark.parametrize("emotion", EMOTION_COLORS)
def test_a_box_has_its_emotions_colour(emotion):
    drawn = annotate(result((30, 40, 80, 100), emotion))
    off = {name: np.abs(drawn[70, 30] - np.array(c)).sum() for name, c in EMOTION_COLORS.items()}
    assert min(off, key=off.__getitem__) == emotion, "edges are smoothed"
    assert not drawn[70, 55].any(), "the face itself stays free"


def test_uncertain_and_unknown_labels_are_grey():
    for item in (
        result((30, 40, 80, 100), uncertain=True),
        result((30, 40, 80, 100), emotion="bored"),
    ):
        assert len(set(annotate(item)[70, 30].tolist())) == 1


@pytest.mark.parametrize(
    "box", [(-50, -50, 10, 10), (150, 110, 300, 300), (-10, -10, 900, 900), (500, 500, 600, 600)]
)
@pytest.mark.parametrize("size", [(120, 160), (1, 1), (9, 300)])
def test_any_box_on_any_picture(box, size):
    assert annotate(result(box, size=size), "status").shape == (*size, 3)

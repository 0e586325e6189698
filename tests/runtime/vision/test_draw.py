import numpy as np

from runtime.messages import EmotionResult, FrameResult
from runtime.vision.draw import annotate


def test_annotation_leaves_the_frame_alone_and_stays_inside():
    image = np.zeros((90, 120, 3), np.uint8)
    box = (-20.0, -30.0, 300.0, 200.0)
    face = EmotionResult(1, box, 0.9, "fear", 0.5, True, {"fear": 0.5})
    out = annotate(FrameResult(0, 0, 0.0, image, (face,), 1.0), "12 FPS")
    assert image.max() == 0
    assert out.max() > 0
    assert out.shape == image.shape

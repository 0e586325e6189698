"""Detectors by their names."""

import pytest

from runtime.detectors.factory import open_detector
from runtime.errors import EngineError


@pytest.mark.parametrize(
    ("name", "kwargs", "word"),
    [
        ("haar", {}, "--detector must be one of"),
        ("yunet", {}, "face_detection_yunet"),
        ("scrfd", {}, "buffalo_s"),
        ("yunet", {"model": "/nope.onnx"}, "no such file"),
        ("centerface", {"size": 8}, "--detect_size"),
        ("centerface", {"model": "/nope.onnx"}, "no such file"),
    ],
)
def test_wrong_detectors_are_one_clear_error(name, kwargs, word):
    with pytest.raises(EngineError, match=word):
        open_detector(name, **kwargs)

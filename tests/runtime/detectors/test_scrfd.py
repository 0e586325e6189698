"""SCRFD through insightface, as far as it can be run without its model."""

import sys

import pytest

from runtime.detectors.factory import open_detector
from runtime.engines.catalogue import CENTERFACE
from runtime.errors import EngineError


def test_scrfd_without_insightface_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "insightface.model_zoo", None)
    path = tmp_path / "scrfd.onnx"
    path.write_bytes(CENTERFACE.read_bytes()[:100])
    with pytest.raises(EngineError, match="pip install insightface"):
        open_detector("scrfd", str(path))

"""Fixtures of the decoders' tests."""

import pytest

from runtime.sources.decoders import base, container
from runtime.sources.decoders import ffmpeg as media


@pytest.fixture
def strict(monkeypatch):
    """Small limits, so that the tests are quick."""
    monkeypatch.setattr(base, "TIMEOUT_S", 1.0)
    monkeypatch.setattr(media, "OPEN_BYTES", 4_000_000)
    monkeypatch.setattr(container, "FRAME_BYTES", 2_000_000)

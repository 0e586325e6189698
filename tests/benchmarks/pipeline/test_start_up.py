"""A start that fails says why in its own last line."""

from __future__ import annotations

import pytest

from benchmarks.pipeline.start_up import measure_start_up
from runtime.errors import UserError


def test_a_start_that_fails_says_why() -> None:
    with pytest.raises(UserError, match=r"^/nope\.onnx: no such file"):
        measure_start_up("/nope.onnx")

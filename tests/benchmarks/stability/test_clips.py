"""Flips in a video, or why there are none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.harness.schema.stability import ClipFlips, FailedClip
from benchmarks.stability.clips import measure_clip
from benchmarks.stability.options import StabilityOptions
from tests.conftest import write_video


def test_a_face_that_stands_still_does_not_flip(
    tmp_path: Path, tiny_engine: Path, portrait: np.ndarray
) -> None:
    clip = write_video(tmp_path / "a.mp4", [portrait] * 6)
    row = measure_clip(str(clip), StabilityOptions(engine=str(tiny_engine)))
    assert isinstance(row, ClipFlips)
    assert row.raw_flips_per_minute == row.smooth_flips_per_minute == 0


def test_a_clip_that_cannot_be_read_is_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    row = measure_clip("/nope.mp4", StabilityOptions())
    assert isinstance(row, FailedClip)
    assert "no such file" in row.error
    assert capsys.readouterr().err == f"nope.mp4: not measured: {row.error}\n"

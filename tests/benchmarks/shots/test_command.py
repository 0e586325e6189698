"""The benchmark of cuts, run small."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.shots.command import main, measure_video
from benchmarks.shots.kinds import MAKERS
from tests.conftest import write_video


@pytest.mark.parametrize("make", MAKERS)
def test_videos_have_their_cuts_where_they_say(make) -> None:
    video = make(np.random.default_rng(5))
    assert video.frames[0].dtype == np.uint8
    assert len({frame.shape for frame in video.frames}) == 1
    assert all(0 < a <= b < len(video.frames) for a, b in video.cuts)
    assert measure_video(video).false == 0


def test_a_clip_is_run_at_several_rates(tmp_path: Path, portrait: np.ndarray, capsys) -> None:
    clip = write_video(tmp_path / "clip.mp4", [np.roll(portrait, i, axis=1) for i in range(20)])
    out = tmp_path / "o.json"
    assert main(["--videos", "1", "--clip", str(clip), "--output_json", str(out)]) == 0
    report = json.loads(out.read_text())
    (row,) = report["clips"]
    assert (row["kind"], row["videos"], row["false"]) == ("clip.mp4", 5, 0)
    assert report["recall"] > 0.9
    assert "flash" in capsys.readouterr().err

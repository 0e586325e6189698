"""The command on made faces; flips and delays by hand are in tests/train/temporal."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from benchmarks.stability import main
from tests.conftest import write_video


def test_sequences_and_clips(tiny_engine: Path, tmp_path: Path, portrait: np.ndarray) -> None:
    import cv2

    rng = np.random.default_rng(0)
    for name in ("neutral", "happiness"):
        folder = tmp_path / "data" / "valid" / name
        folder.mkdir(parents=True)
        cv2.imwrite(str(folder / "a.png"), rng.integers(0, 256, (48, 48)).astype(np.uint8))
    clip, out = tmp_path / "clip.mp4", tmp_path / "out.json"
    write_video(clip, [portrait] * 6)
    flags = ["--data_dir", str(tmp_path / "data"), "--dataset", "folder", "--sequences", "3"]
    more = ["--seconds", "1", "--engine", str(tiny_engine), "--clip", str(clip)]
    assert main([*flags, *more, "--output_json", str(out)]) == 0
    figures = json.loads(out.read_text())
    assert figures["sequences"]["n"] == 3
    assert figures["sequences"]["minutes"] == 0.1
    assert set(figures["sequences"]["raw"]) == {"flips_per_minute", "accuracy"}
    assert figures["clips"][0]["raw_flips_per_minute"] is not None

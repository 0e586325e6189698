"""Every peer is given the same bytes."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np

from benchmarks.peers.material import Material, write_material


def test_frames_and_faces_are_the_same_bytes(material: Material) -> None:
    described = json.loads((material.folder / "material.json").read_text())
    assert [clip["name"] for clip in described["clips"]] == ["1 face", "6 faces"]
    for what in (*described["clips"], described["faces"]):
        size = (material.folder / what["file"]).stat().st_size
        assert size == what["count"] * what["height"] * what["width"] * 3
    assert sorted(material.truth) == ["contempt", *["happiness"] * 4, *["neutral"] * 3]


def test_a_clip_is_of_one_size(tmp_path: Path) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    cv2.imwrite(str(pictures / "0.png"), np.full((40, 60, 3), 7, np.uint8))
    cv2.imwrite(str(pictures / "1.png"), np.full((80, 80, 3), 9, np.uint8))
    clip = write_material(tmp_path, str(pictures), 10, None).clips[0]
    assert (clip.count, clip.height, clip.width) == (2, 40, 60)
    frames = np.fromfile(tmp_path / "clip_0.raw", np.uint8).reshape(2, 40, 60, 3)
    assert (frames[0] == 7).all()
    assert frames[1, 20, 30, 0] == 9

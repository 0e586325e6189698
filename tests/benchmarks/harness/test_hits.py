"""Samples say which faces they are of."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from benchmarks.harness.hits import fingerprint, pack
from train.datasets.catalogue import load_faces


def test_a_fingerprint_knows_faces_and_their_order(tmp_path: Path) -> None:
    for index, name in enumerate(("neutral", "neutral", "happiness")):
        place = tmp_path / "valid" / name / f"{index}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(place), np.full((8, 8), 40 * index, np.uint8))
    faces = load_faces(tmp_path, "folder", "valid").with_majority()
    assert fingerprint(faces) == fingerprint(load_faces(tmp_path, "folder", "valid"))
    others = [faces.subset(np.array(mask)) for mask in ([1, 1, 0], [0, 1, 1])]
    found = {fingerprint(one) for one in (faces, *others)}
    assert len(found) == 3
    assert all(len(text) == 16 for text in found)


def test_hits_are_packed() -> None:
    assert pack([True, False, np.True_]) == "101"
    assert pack([]) == ""

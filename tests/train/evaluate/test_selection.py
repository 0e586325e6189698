"""Which faces are evaluated, and what a reader is told of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from runtime.errors import UserError
from runtime.manifest import EMOTIONS, Manifest
from train.datasets.faces import FaceSet, single_labels
from train.evaluate.options import EvaluateOptions
from train.evaluate.selection import first_notes, select, spread

OPTIONS = EvaluateOptions("D", dataset="folder")


@pytest.fixture
def faces() -> FaceSet:
    images = [np.full((8, 8), i, np.uint8) for i in range(9)]
    return single_labels("set/valid", EMOTIONS[:3], images, [0, 1, 2] * 3)


def test_faces_of_a_class_that_the_model_lacks_are_left_out(faces: FaceSet) -> None:
    kept, places = select(faces, EMOTIONS[:2], 0)
    assert places.tolist() == [0, 1, 3, 4, 6, 7]
    assert [int(face[0, 0]) for face in kept.images] == places.tolist()
    assert kept.majority.tolist() == [0, 1] * 3
    with pytest.raises(UserError, match="no face has a majority label"):
        select(replace(faces, majority=np.full(9, -1)), EMOTIONS[:3], 0)


def test_a_part_is_spread_evenly_and_keeps_its_places(faces: FaceSet) -> None:
    part, places = spread(faces, np.arange(9) + 100, 3)
    assert places.tolist() == [100, 104, 108]
    assert [int(face[0, 0]) for face in part.images] == [0, 4, 8]
    whole, places = spread(faces, np.arange(9), 0)
    assert (len(whole), places.tolist()) == (9, list(range(9)))


def test_notes_name_what_a_reader_must_know(faces: FaceSet) -> None:
    model = Manifest(labels=EMOTIONS[:2], metrics={"valid": {"data": "set/valid"}})
    kept, _ = select(faces, model.labels, 0)
    said = " | ".join(first_notes(OPTIONS, model, faces, kept))
    assert "set/valid: 6 faces; accuracy on n = 6, by the faces with one label" in said
    assert "the model can't say surprise: 3 of the split's 9 faces" in said
    assert "training chose its best epoch on set/valid" in said
    assert "temperature was never fitted" in said
    able = Manifest(metrics={"calibration": {"data": "set/valid"}}, temperature=1.5)
    notes = first_notes(replace(OPTIONS, limit=9), able, faces, faces)
    assert any("--limit 9: a part of the split" in note for note in notes)
    assert any("such a guess counts as wrong" in note for note in notes)
    assert any("the temperature 1.5 was fitted on set/valid itself" in note for note in notes)

"""Sets of faces: parts, votes and classes, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.errors import UserError
from runtime.manifest import EMOTIONS
from train.datasets.faces import FaceSet, single_labels

VOTES = np.array([[3, 1, 0], [0, 0, 0], [0, 2, 2], [0, 0, 5]], np.float32)


@pytest.fixture
def faces() -> FaceSet:
    images = [np.full((4, 4), i, np.uint8) for i in range(4)]
    return FaceSet("set", EMOTIONS[:3], images, VOTES, np.array([0, -1, -1, 2]), 4, True)


def _shades(faces: FaceSet) -> list[int]:
    return [int(face[0, 0]) for face in faces.images]


def test_a_part_keeps_what_belongs_together(faces: FaceSet) -> None:
    part = faces.subset(np.array([True, False, True, True])).subset(np.array([False, True, True]))
    assert _shades(part) == [2, 3]
    assert [int(face[0, 0]) for face in part.images[1:]] == [3]
    np.testing.assert_array_equal(part.votes, VOTES[2:])
    assert part.majority.tolist() == [-1, 2]
    assert _shades(faces.with_majority()) == [0, 3]


def test_a_spread_part_holds_both_ends(faces: FaceSet) -> None:
    assert _shades(faces.spread(2)) == [0, 3]
    assert faces.spread(0) is faces
    assert faces.spread(9) is faces


def test_targets_add_up_to_one(faces: FaceSet) -> None:
    voted = faces.with_votes()
    np.testing.assert_allclose(voted.targets(), [[0.75, 0.25, 0], [0, 0.5, 0.5], [0, 0, 1]])
    with pytest.raises(UserError, match="set: no face has a vote on any of neutral, happiness"):
        faces.subset(np.array([False, True, False, False])).with_votes()


def test_other_classes_lose_votes_and_majorities(faces: FaceSet) -> None:
    labels = (EMOTIONS[0], EMOTIONS[2], EMOTIONS[3])
    other = faces.relabel(labels)
    np.testing.assert_array_equal(other.votes, [[3, 0, 0], [0, 0, 0], [0, 2, 0], [0, 5, 0]])
    assert other.majority.tolist() == [0, -1, -1, 1]
    assert faces.relabel(EMOTIONS[:2]).majority.tolist() == [0, -1, -1, -1]
    assert faces.relabel(faces.labels) is faces


def test_what_is_left_out_is_told(faces: FaceSet, capsys: pytest.CaptureFixture[str]) -> None:
    kept = faces.in_classes_of(EMOTIONS[:2])
    assert _shades(kept) == [0, 2]
    assert "set: skipped 2 of 4 faces, which have no vote on any of neutral, happiness" in (
        capsys.readouterr().err
    )
    assert faces.subset(faces.votes[:, 0] > 0).without_empty_classes().labels == EMOTIONS[:2]


def test_one_label_is_one_vote() -> None:
    images = [np.zeros((4, 4), np.uint8)] * 2
    made = single_labels("set", EMOTIONS[:2], images, [1, 0], 4)
    np.testing.assert_array_equal(made.votes, [[0, 1], [1, 0]])
    assert (made.majority.tolist(), made.detail, made.soft) == ([1, 0], 4, False)
    with pytest.raises(UserError, match="holds no readable pictures"):
        single_labels("set", EMOTIONS[:2], [], [])

"""Copies are found whatever was done to the picture, and other faces are not."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from train.datasets.catalogue import load_faces
from train.evaluate.copies import find_copies


def _faces(count: int, seed: int, side: int = 48) -> list[np.ndarray]:
    """Pictures with detail at every scale."""
    rng = np.random.default_rng(seed)
    result = []
    for _ in range(count):
        picture = np.zeros((side, side), np.float32)
        for cells, weight in ((4, 60), (8, 40), (16, 25)):
            grid = rng.normal(0, weight, (cells, cells)).astype(np.float32)
            picture += cv2.resize(grid, (side, side), interpolation=cv2.INTER_CUBIC)
        result.append(np.clip(picture + 128, 0, 255).astype(np.uint8))
    return result


@pytest.fixture(scope="module")
def train() -> list[np.ndarray]:
    return _faces(40, 0)


def _jpeg(face: np.ndarray) -> np.ndarray:
    data = cv2.imencode(".jpg", face, [cv2.IMWRITE_JPEG_QUALITY, 30])[1]
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE))


CHANGES = {
    "brighter": lambda f: np.clip(f * 0.8 + 40, 0, 255).astype(np.uint8),
    "jpeg": _jpeg,
    "larger": lambda f: cv2.resize(f, (112, 112), interpolation=cv2.INTER_CUBIC),
    "coloured": lambda f: cv2.cvtColor(cv2.add(f, 1), cv2.COLOR_GRAY2BGR),
    "shifted": lambda f: np.asarray(
        cv2.warpAffine(
            f, np.array([[1, 0, 2.0], [0, 1, -1.0]]), (48, 48), borderMode=cv2.BORDER_REFLECT
        )
    ),
}


@pytest.mark.parametrize("mirrored", [False, True], ids=["plain", "mirrored"])
@pytest.mark.parametrize("change", CHANGES)
def test_near_copies_are_found(change: str, mirrored: bool, train: list[np.ndarray]) -> None:
    face = CHANGES[change](train[17])
    face = np.ascontiguousarray(face[:, ::-1]) if mirrored else face
    (copy,) = find_copies([face], train)
    assert (copy.face, copy.train, copy.exact, copy.mirrored) == (0, 17, False, mirrored)
    assert 0.75 <= copy.similarity <= 1


def test_exact_copies_are_told_from_near_ones(train: list[np.ndarray]) -> None:
    faces = [*_faces(3, 1), train[5].copy(), train[6][:, ::-1]]
    copies = find_copies(faces, train)
    assert [(c.face, c.train, c.exact, c.mirrored) for c in copies] == [
        (3, 5, True, False),
        (4, 6, True, True),
    ]


def test_other_faces_and_flat_pictures_are_no_copies(train: list[np.ndarray]) -> None:
    flat = [np.full((48, 48), grey, np.uint8) for grey in (0, 90, 255)]
    assert find_copies([*_faces(60, 2), *flat], [*train, np.full((48, 48), 91, np.uint8)]) == []


def test_fewer_training_faces_than_candidates(train: list[np.ndarray]) -> None:
    assert [c.train for c in find_copies([train[1]], train[:2])] == [1]


def test_ferplus_holds_near_copies(ferplus_dir: Path) -> None:
    """A copy seen by eye stays found: the two splits share photographs cut differently."""
    faces = load_faces(ferplus_dir, "ferplus", "valid").spread(300)
    copies = find_copies(faces.images, load_faces(ferplus_dir, "ferplus", "train").images)
    assert not any(copy.exact for copy in copies)
    assert 0.08 < len(copies) / len(faces) < 0.18

"""Data sets are read as their owners mean them, or refused in one line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.errors import UserError
from runtime.manifest import EMOTIONS
from train.datasets import load_faces
from train.datasets.ferplus import ferplus_majority

FERPLUS = Path(__file__).parents[3] / "shared" / "data" / "ferplus"

#: neutral, happiness, surprise, sadness, anger, disgust, fear, contempt, unknown, nf
HAPPY = [1, 9, 0, 0, 0, 0, 0, 0, 0, 0]
SPLIT = [4, 0, 0, 4, 2, 0, 0, 0, 0, 0]
NOT_A_FACE = [0, 0, 0, 0, 0, 0, 0, 0, 0, 10]


@pytest.mark.parametrize(
    ("votes", "majority"),
    [
        (HAPPY, "happiness"),
        (SPLIT, None),
        (NOT_A_FACE, None),
        # 5 of 10 is not more than half ...
        ([5, 3, 2, 0, 0, 0, 0, 0, 0, 0], None),
        # ... but single votes are noise: 5 of 8 is.
        ([5, 3, 1, 1, 0, 0, 0, 0, 0, 0], "neutral"),
        # unknown and nf count as votes for something else.
        ([5, 0, 0, 0, 0, 0, 0, 0, 3, 2], None),
        ([6, 0, 0, 0, 0, 0, 0, 0, 4, 0], "neutral"),
        ([0, 0, 0, 0, 0, 0, 0, 2, 0, 1], "contempt"),
        ([1, 1, 1, 1, 1, 1, 1, 1, 1, 1], None),
        ([0] * 10, None),
    ],
)
def test_majority_follows_the_official_rule(votes: list[int], majority: str | None) -> None:
    index = ferplus_majority(np.array([votes], np.float32))[0]
    assert index == (-1 if majority is None else EMOTIONS.index(majority))


@given(st.lists(st.integers(0, 30), min_size=10, max_size=10))
def test_majority_outvotes_all_the_rest(votes: list[int]) -> None:
    index = int(ferplus_majority(np.array([votes], np.float32))[0])
    kept = [v if v > 1 else 0 for v in votes]
    winners = [i for i in range(8) if kept[i] > sum(kept) - kept[i]]
    assert [index] == (winners or [-1])


def test_ferplus_faces_votes_and_majority(
    tmp_path: Path, write_ferplus: Callable[..., None]
) -> None:
    single = [1, 0, 1, 0, 0, 0, 0, 0, 1, 0]
    write_ferplus(tmp_path, "valid", [HAPPY, SPLIT, NOT_A_FACE, single, HAPPY])
    faces = load_faces(tmp_path, "ferplus", "valid")
    assert len(faces) == 5
    assert faces.name == "ferplus/valid"
    assert faces.detail == 48
    for i, image in enumerate(faces.images):
        assert image.shape == (48, 48)
        assert image.dtype == np.uint8
        assert (image == 10 * i).all()
    happy, split, nothing, singles, _ = faces.votes
    assert happy.tolist() == [0, 9, 0, 0, 0, 0, 0, 0]
    assert split.tolist() == [4, 0, 0, 4, 2, 0, 0, 0]
    assert nothing.sum() == 0
    # The noise rule would leave nothing of it, so its single votes stay.
    assert singles.tolist() == [1, 0, 1, 0, 0, 0, 0, 0]
    assert faces.majority.tolist() == [1, -1, -1, -1, 1]


def test_subsets_and_targets(tmp_path: Path, write_ferplus: Callable[..., None]) -> None:
    write_ferplus(tmp_path, "train", [NOT_A_FACE, HAPPY, SPLIT])
    faces = load_faces(tmp_path, "ferplus", "train")
    voted = faces.with_votes()
    assert len(voted) == 2
    assert voted.images[0][0, 0] == 10
    np.testing.assert_allclose(voted.targets().sum(1), 1)
    np.testing.assert_allclose(voted.targets()[1], [0.4, 0, 0, 0.4, 0.2, 0, 0, 0])
    assert faces.with_majority().majority.tolist() == [1]


def test_broken_ferplus_is_refused(tmp_path: Path, write_ferplus: Callable[..., None]) -> None:
    write_ferplus(tmp_path, "valid", [HAPPY])
    table = tmp_path / "ferplus_valid.csv"
    header, row = table.read_text().splitlines()
    broken = {
        "malformed row": f"{header}\n{row.replace('9', 'nine')}\n",
        "line 3: malformed row": f"{header}\n{row}\nface1.png,ferplus_valid_00.png\n",
        "'contempt'": f"{header.replace('contempt', 'scorn')}\n{row}\n",
        "no face at row 7": f"{header}\n{row.replace('.png,0,0', '.png,7,0')}\n",
        "missing or not a picture": f"{header}\n{row.replace('_00', '_01')}\n",
        "holds no faces": f"{header}\n",
    }
    for message, text in broken.items():
        table.write_text(text)
        with pytest.raises(UserError, match=message):
            load_faces(tmp_path, "ferplus", "valid")
    table.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(128, 256)))
    with pytest.raises(UserError, match=r"malformed row|holds no faces"):
        load_faces(tmp_path, "ferplus", "valid")
    table.unlink()
    with pytest.raises(UserError, match=r"must hold ferplus_valid\.csv"):
        load_faces(tmp_path, "ferplus", "valid")


def test_wrong_place_or_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"--data_dir .*no such folder"):
        load_faces(tmp_path / "none", "ferplus", "valid")
    with pytest.raises(UserError, match="--split must be one of"):
        load_faces(tmp_path, "ferplus", "validation")
    with pytest.raises(UserError, match="--dataset must be one of"):
        load_faces(tmp_path, "imagenet", "valid")


def _write_picture(path: Path, value: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((40, 30, 3), value, np.uint8))


def test_folder_layout(tmp_path: Path) -> None:
    _write_picture(tmp_path / "val" / "6_Fear" / "b.png", 20)
    _write_picture(tmp_path / "val" / "6_Fear" / "a.png", 10)
    _write_picture(tmp_path / "val" / "neutral" / "c.png", 30)
    (tmp_path / "val" / "neutral" / "Thumbs.db").write_bytes(b"not a picture")
    faces = load_faces(tmp_path, "folder", "valid")
    assert [int(image[0, 0, 0]) for image in faces.images] == [10, 20, 30]
    assert faces.images[0].shape == (40, 30, 3)
    assert [faces.labels[i] for i in faces.majority] == ["fear", "fear", "neutral"]
    assert faces.votes.argmax(1).tolist() == faces.majority.tolist()
    assert faces.votes.sum() == 3
    assert faces.detail == 0


def test_broken_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"expected train/<class>/"):
        load_faces(tmp_path, "folder", "train")
    (tmp_path / "train").mkdir()
    with pytest.raises(UserError, match="no readable pictures"):
        load_faces(tmp_path, "folder", "train")
    _write_picture(tmp_path / "train" / "joy" / "a.png", 1)
    with pytest.raises(UserError, match=r"joy: unknown class"):
        load_faces(tmp_path, "folder", "train")


@pytest.mark.skipif(not FERPLUS.is_dir(), reason=f"no FER+ at {FERPLUS}")
def test_real_ferplus_has_the_published_number_of_majority_faces() -> None:
    faces = load_faces(FERPLUS, "ferplus", "valid")
    assert len(faces) == 3514
    assert len(faces.with_majority()) == 3139


def test_a_split_without_any_vote_is_one_line(
    tmp_path: Path, write_ferplus: Callable[..., None]
) -> None:
    write_ferplus(tmp_path, "valid", [[0] * 8 + [5, 5]] * 3)
    with pytest.raises(UserError, match="no face has a vote"):
        load_faces(tmp_path, "ferplus", "valid").with_votes()

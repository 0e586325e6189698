"""FER+ in its three forms: the same faces, votes and majority from each."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.errors import UserError
from runtime.manifest import EMOTIONS
from train.datasets.catalogue import load_faces
from train.datasets.faces import FaceSet
from train.datasets.ferplus import ferplus_majority

FERPLUS = Path(__file__).parents[4] / "shared" / "data" / "ferplus"

#: neutral, happiness, surprise, sadness, anger, disgust, fear, contempt, unknown, nf
HAPPY = [1, 9, 0, 0, 0, 0, 0, 0, 0, 0]
SPLIT = [4, 0, 0, 4, 2, 0, 0, 0, 0, 0]
NOT_A_FACE = [0, 0, 0, 0, 0, 0, 0, 0, 0, 10]
SINGLE = [1, 0, 1, 0, 0, 0, 0, 0, 1, 0]

VOTES = [HAPPY, SPLIT, NOT_A_FACE, SINGLE, HAPPY]
USAGES = {"train": "Training", "valid": "PublicTest", "test": "PrivateTest"}


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


def _check(faces: FaceSet) -> None:
    assert len(faces) == 5
    assert faces.name == "ferplus/valid"
    assert faces.labels == EMOTIONS
    assert faces.detail == 48
    assert faces.soft
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


def test_ferplus_faces_votes_and_majority(
    tmp_path: Path, write_ferplus: Callable[..., None]
) -> None:
    write_ferplus(tmp_path, "valid", VOTES)
    _check(load_faces(tmp_path, "ferplus", "valid"))


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


@pytest.mark.parametrize(
    "place", [("..", 0, 0), ("/etc/x.png", 0, 0), ("sheet", -2, 0), ("", 0, 0)]
)
def test_a_sheet_stays_in_its_folder(
    tmp_path: Path, write_ferplus: Callable[..., None], place: tuple[str, int, int]
) -> None:
    write_ferplus(tmp_path, "valid", [HAPPY])
    table = tmp_path / "ferplus_valid.csv"
    sheet, row, column = place
    name = "ferplus_valid_00.png" if sheet == "sheet" else sheet
    text = table.read_text().replace("ferplus_valid_00.png,0,0", f"{name},{row},{column}")
    table.write_text(text)
    with pytest.raises(UserError, match="line 2: .*(no face at|names no file)"):
        load_faces(tmp_path, "ferplus", "valid")


@pytest.mark.parametrize("vote", ["nan", "inf", "-1", "1e30", ""])
def test_odd_votes_are_refused(
    tmp_path: Path, write_ferplus: Callable[..., None], vote: str
) -> None:
    write_ferplus(tmp_path, "valid", [HAPPY])
    table = tmp_path / "ferplus_valid.csv"
    table.write_text(table.read_text().replace(",9,", f",{vote},"))
    with pytest.raises(UserError, match="line 2: malformed row"):
        load_faces(tmp_path, "ferplus", "valid")


def _write_originals(folder: Path) -> tuple[Path, Path]:
    """Kaggle's and Microsoft's files; the faces asked for lie among others."""
    pixels = [["emotion", "pixels", "Usage"]]
    votes = [["Usage", "Image name", *EMOTIONS, "unknown", "NF"]]
    for usage in USAGES.values():
        for i, counts in enumerate(VOTES):
            value = 10 * i + (0 if usage == "PublicTest" else 1)
            # A face without a name comes before each, and is passed over.
            for name in ("", f"fer{i:07d}.png"):
                pixels.append(["0", " ".join([str(value)] * 48 * 48), usage])
                votes.append([usage, name, *map(str, counts)])
    for name, rows in (("fer2013.csv", pixels), ("fer2013new.csv", votes)):
        with (folder / name).open("w", newline="") as stream:
            csv.writer(stream).writerows(rows)
    return folder / "fer2013.csv", folder / "fer2013new.csv"


def test_the_original_files(tmp_path: Path) -> None:
    _write_originals(tmp_path)
    _check(load_faces(tmp_path, "ferplus", "valid"))
    for split in ("train", "test"):
        faces = load_faces(tmp_path, "ferplus", split)
        assert faces.name == f"ferplus/{split}"
        assert [int(image[0, 0]) for image in faces.images] == [1, 11, 21, 31, 41]


def test_broken_originals_are_refused(tmp_path: Path) -> None:
    pixels, votes = _write_originals(tmp_path)
    whole = pixels.read_text(), votes.read_text()

    def refused(message: str, left: str | None = None, right: str | None = None) -> None:
        pixels.write_text(whole[0] if left is None else left)
        votes.write_text(whole[1] if right is None else right)
        with pytest.raises(UserError, match=message):
            load_faces(tmp_path, "ferplus", "train")

    refused("line 3: malformed row", whole[0].replace("1 1,Training", "1,Training"))
    refused("line 3: malformed row", whole[0].replace("1 1,Training", "1 256,Training"))
    refused("line 3: malformed row", whole[0].replace("1 1,Training", "1 x,Training"))
    refused("fer2013new.csv, line 3: malformed row", right=whole[1].replace(",9,", ",nine,"))
    refused(r"fer2013\.csv: has fewer rows", whole[0][: whole[0].rindex("\n0,") + 1])
    refused(r"fer2013new\.csv: has fewer rows", right=whole[1][: whole[1].rindex("\nPri") + 1])
    refused("don't belong together", right=whole[1].replace("\nTraining", "\nPublicTest", 1))
    refused("no column 'pixels'", whole[0].replace("pixels", "dots"))
    refused("holds no faces of Training", "emotion,pixels,Usage", whole[1].splitlines()[0])
    votes.unlink()
    with pytest.raises(UserError, match=r"new\.csv: not found; fer2013\.csv holds only half"):
        load_faces(tmp_path, "ferplus", "train")


def _write_folder(folder: Path, box: bool = True) -> Path:
    folder.mkdir()
    rows = []
    for i, counts in enumerate(VOTES):
        name = f"fer{i:07d}.png"
        cv2.imwrite(str(folder / name), np.full((48, 48), 10 * i, np.uint8))
        rows.append([name, *(["(0, 0, 48, 48)"] if box else []), *map(str, counts)])
    with (folder / "label.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows(rows)
    return folder / "label.csv"


@pytest.mark.parametrize("box", [True, False])
def test_the_folder_of_pictures(tmp_path: Path, box: bool) -> None:
    """Microsoft's published lists have the box; what its tool writes now has none."""
    _write_folder(tmp_path / "FER2013Valid", box)
    _check(load_faces(tmp_path, "ferplus", "valid"))
    with pytest.raises(UserError, match="FER2013Train"):
        load_faces(tmp_path, "ferplus", "train")


def test_a_half_extracted_folder_of_pictures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = _write_folder(tmp_path / "FER2013Valid")
    (table.parent / "fer0000000.png").unlink()
    with pytest.raises(UserError, match=r"1 of 5 listed pictures are missing, .*fer0000000\.png"):
        load_faces(tmp_path, "ferplus", "valid")
    table.write_text(table.read_text() + "".join(table.read_text().splitlines(True)[1:]) * 3)
    faces = load_faces(tmp_path, "ferplus", "valid")
    assert len(faces) == 16
    assert faces.votes[0].tolist() == [4, 0, 0, 4, 2, 0, 0, 0]
    assert "skipped 1 of 17 faces, missing pictures; the first: " in capsys.readouterr().err
    table.write_text("../x.png,0,0,0,0,0,0,0,0,0,9\n")
    with pytest.raises(UserError, match="line 1: malformed row"):
        load_faces(tmp_path, "ferplus", "valid")
    table.write_text("x.png,1,2\n")
    with pytest.raises(UserError, match="line 1: malformed row .3 cells"):
        load_faces(tmp_path, "ferplus", "valid")
    table.write_text("")
    with pytest.raises(UserError, match="holds no faces"):
        load_faces(tmp_path, "ferplus", "valid")
    table.unlink()
    with pytest.raises(UserError, match=r"label\.csv: not found"):
        load_faces(tmp_path, "ferplus", "valid")

"""Whatever a label file holds, a reader gives faces or one line."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.errors import UserError
from runtime.manifest import EMOTIONS
from train.datasets.catalogue import load_faces
from train.datasets.faces import FaceSet

VOTES = ",".join((*EMOTIONS, "unknown", "NF"))
HEADERS = {
    "ferplus_valid.csv": f"name,sheet,row,col,{VOTES}",
    "fer2013.csv": "emotion,pixels,Usage",
    "fer2013new.csv": f"Usage,Image name,{VOTES}",
    "validation.csv": "subDirectory_filePath,face_x,face_y,face_width,face_height,"
    "facial_landmarks,expression,valence,arousal",
}
#: Data set, its list, and what else must be there.
PLACES = [
    ("ferplus", "ferplus_valid.csv"),
    ("ferplus", "fer2013.csv"),
    ("ferplus", "fer2013new.csv"),
    ("ferplus", "FER2013Valid/label.csv"),
    ("rafdb", "EmoLabel/list_patition_label.txt"),
    ("rafdb_compound", "EmoLabel/list_patition_label.txt"),
    ("affectnet", "validation.csv"),
    ("affectnet7", "val_set/annotations/a_exp.npy"),
]
#: Parts of sound rows, so that some get further than the first check.
CELLS = st.one_of(
    st.sampled_from(
        ["a.png", "test_1.jpg", "PublicTest", "0", "3", "-1", "9" * 5000, "nan", "1e400", "", '"']
    ),
    st.text(max_size=8),
)
ROWS = st.lists(
    st.tuples(st.lists(CELLS, max_size=14), st.sampled_from([",", " "])).map(
        lambda row: row[1].join(row[0])
    ),
    max_size=6,
).map("\n".join)


def _read(dataset: str, place: str, data: bytes) -> FaceSet | None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        pictures = ["a.png", "FER2013Valid/a.png", "Image/aligned/test_1_aligned.jpg"]
        if place.startswith("val_set"):
            pictures.append("val_set/images/a.png")
        for picture in (root / name for name in pictures):
            picture.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(picture), np.zeros((48, 48), np.uint8))
        for partner in ("fer2013.csv", "fer2013new.csv"):
            if place.startswith("fer2013"):
                (root / partner).write_text(HEADERS[partner] + "\n")
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        (root / place).write_bytes(data)
        try:
            faces = load_faces(root, dataset, "valid")
        except UserError:
            return None
        assert len(faces) == len(faces.votes) == len(faces.majority) > 0
        assert (faces.votes >= 0).all()
        assert np.isfinite(faces.votes).all()
        return faces


@pytest.mark.parametrize(("dataset", "place"), PLACES)
@settings(max_examples=40, deadline=None)
@given(data=st.binary(max_size=300))
def test_any_bytes(dataset: str, place: str, data: bytes) -> None:
    _read(dataset, place, data)


@pytest.mark.parametrize(("dataset", "place"), PLACES)
@settings(max_examples=60, deadline=None)
@given(text=ROWS)
def test_any_rows(dataset: str, place: str, text: str) -> None:
    data = f"{HEADERS[place]}\n{text}" if place in HEADERS else text
    _read(dataset, place, data.encode("utf-8", "surrogatepass"))


@settings(max_examples=60, deadline=None)
@given(
    header=st.sampled_from(["{'descr': %r, 'fortran_order': False, 'shape': %r}", "%r%r"]),
    kind=st.sampled_from(["<i8", "|S1", "<U2", "|O", "<f8", "V4", "("]),
    shape=st.sampled_from([(), (1,), (0,), (2, 2), (1 << 50,), (-1,), "x"]),
    data=st.binary(max_size=16),
)
def test_any_numpy_header(header: str, kind: str, shape: object, data: bytes) -> None:
    text = (header % (kind, shape)).encode() + b"\n"
    size = len(text).to_bytes(2, "little")
    _read("affectnet", "val_set/annotations/a_exp.npy", b"\x93NUMPY\x01\x00" + size + text + data)


def test_the_harness_reads_sound_files() -> None:
    """Else the tests above would hold for readers that refuse everything."""
    nine = "9,0,0,0,0,0,0,0,0,0"
    sound = {
        "ferplus_valid.csv": f"{HEADERS['ferplus_valid.csv']}\nx,a.png,0,0,{nine}",
        "FER2013Valid/label.csv": f"a.png,{nine}",
        "EmoLabel/list_patition_label.txt": "test_1.jpg 1\ntrain_1.jpg 7",
        "validation.csv": "a.png,0,0,9,9,,3,0,0",
    }
    for dataset, place in PLACES:
        if place in sound and dataset != "rafdb_compound":
            assert _read(dataset, place, sound[place].encode()) is not None, place
    label = io.BytesIO()
    np.save(label, np.array("3"))
    assert _read("affectnet7", "val_set/annotations/a_exp.npy", label.getvalue()) is not None

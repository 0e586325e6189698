"""Faces of the evaluated split that stand in the training split as well.

Exact copies have the same pixels. Near copies (another crop, brightness,
size, watermark or JPEG of one photograph) are found in two steps: thumbnails
of 16x16 propose the ten likest training faces, and the fine detail of both,
shifted by up to an eighth of the side, decides. Both steps are tried on the
mirrored face too.

The threshold was measured on FER+ (3,514 validation against 26,622 training
faces). Correlation of thumbnails alone can't decide: copies reach from 0.75 to
0.99 and other faces up to 0.95. Correlation of detail has two humps with the
valley at 0.7 to 0.75: of 60 pairs drawn evenly from 0.75 to 0.88 all were
copies, seen side by side, and of 60 from 0.65 to 0.75 about half.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from train.progress import show_progress

#: Least correlation of fine detail that makes a copy.
THRESHOLD = 0.75

#: Least correlation of thumbnails, and how many candidates are looked at.
_LIKE, _CANDIDATES = 0.75, 10

#: Sides of the reduced face and of its thumbnail, and the shift to search.
_SIDE, _THUMB, _SHIFT = 48, 16, 6

#: Evaluated faces compared at a time; bounds the memory.
_CHUNK = 256

Face = NDArray[np.uint8]


@dataclass(frozen=True)
class Copy:
    """One face that is in both splits.

    Attributes:
        face: Its index among the evaluated faces.
        train: Index of the likest training face.
        exact: The pixels are the same.
        mirrored: Same once one of them is mirrored.
        similarity: Correlation of fine detail; 1 where exact.
    """

    face: int
    train: int
    exact: bool
    mirrored: bool
    similarity: float


def find_copies(faces: Sequence[Face], train: Sequence[Face]) -> list[Copy]:
    """Looks for every face in the training split.

    Args:
        faces: N grey or BGR faces.
        train: M grey or BGR faces.

    Returns:
        At most one copy a face, in the order of the faces.
    """
    digests, reduced = _reduce(train, "copies, training split")
    known = {digest: index for index, digest in reversed(list(enumerate(digests)))}
    own, small = _reduce(faces, "copies, evaluated split")
    found: dict[int, Copy] = {}
    for index, digest in enumerate(own):
        if digest in known:
            found[index] = Copy(index, known[digest], True, False, 1.0)
            continue
        mirrored = _digest(faces[index][:, ::-1])
        if mirrored in known:
            found[index] = Copy(index, known[mirrored], True, True, 1.0)
    rest = np.array([i for i in range(len(faces)) if i not in found], np.int64)
    for copy in _near(small, rest, reduced):
        if copy.face not in found or copy.similarity > found[copy.face].similarity:
            found[copy.face] = copy
    return [found[index] for index in sorted(found)]


def _near(small: Face, rest: NDArray[np.int64], reduced: Face) -> Iterator[Copy]:
    """Finds near copies of the faces `rest`, several a face."""
    thumbs = _thumbnails(reduced)
    for start in range(0, len(rest), _CHUNK):
        chosen = rest[start : start + _CHUNK]
        for mirrored in (False, True):
            part = small[chosen][:, :, ::-1] if mirrored else small[chosen]
            alike = _thumbnails(part) @ thumbs.T
            count = min(_CANDIDATES, alike.shape[1])
            best = np.argpartition(-alike, count - 1, axis=1)[:, :count]
            for row, index in enumerate(chosen):
                near = [k for k in best[row] if alike[row, k] >= _LIKE]
                template = _detail(part[row])[_SHIFT:-_SHIFT, _SHIFT:-_SHIFT]
                for k in near:
                    match = cv2.matchTemplate(
                        _detail(reduced[k]), template, cv2.TM_CCOEFF_NORMED
                    ).max()
                    if match >= THRESHOLD:
                        yield Copy(int(index), int(k), False, mirrored, float(match))


def _reduce(images: Sequence[Face], what: str) -> tuple[list[bytes], Face]:
    """Makes digests of N faces, and (N, 48, 48) grey faces of them."""
    digests = []
    small = np.empty((len(images), _SIDE, _SIDE), np.uint8)
    for index, face in enumerate(show_progress(images, what, len(images))):
        digests.append(_digest(face))
        if face.ndim == 3:
            face = np.asarray(cv2.cvtColor(face, cv2.COLOR_BGR2GRAY), np.uint8)
        cv2.resize(face, (_SIDE, _SIDE), dst=small[index], interpolation=cv2.INTER_AREA)
    return digests, small


def _digest(face: Face) -> bytes:
    shape = np.array(face.shape, np.int64).tobytes()
    return hashlib.blake2b(shape + np.ascontiguousarray(face).tobytes(), digest_size=16).digest()


def _thumbnails(small: Face) -> NDArray[np.float32]:
    """Reduces (N, 48, 48) faces to (N, 256) of mean 0 and length 1; flat ones become zeros."""
    cell = _SIDE // _THUMB
    cells = small.reshape(-1, _THUMB, cell, _THUMB, cell).mean((2, 4), dtype=np.float32)
    flat = cells.reshape(len(small), -1)
    flat -= flat.mean(1, keepdims=True)
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    result: NDArray[np.float32] = np.divide(
        flat, length, out=np.zeros_like(flat), where=length > _THUMB
    )
    return result


def _detail(face: Face) -> NDArray[np.float32]:
    """Removes a (48, 48) face's coarse light and shade, which faces share."""
    values = face.astype(np.float32)
    result: NDArray[np.float32] = values - cv2.GaussianBlur(values, (0, 0), 4)
    return result

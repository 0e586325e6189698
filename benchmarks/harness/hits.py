"""Hits as reports keep them: which faces they are of, and which were named right."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from train.datasets.faces import FaceSet


def fingerprint(faces: FaceSet) -> str:
    """Stands for faces and their order: made of their labels and of pictures spread over them."""
    found = hashlib.sha256(repr((len(faces), faces.labels)).encode())
    found.update(faces.majority.tobytes())
    for image in faces.spread(64).images:
        found.update(image.tobytes())
    return found.hexdigest()[:16]


def pack(hits: Iterable[bool]) -> str:
    """Right and wrong as a string of `1` and `0`: short in JSON."""
    return "".join("1" if hit else "0" for hit in hits)

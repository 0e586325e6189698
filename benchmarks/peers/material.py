"""What every peer is given: the same frames and faces, decoded once, as plain bytes on the disk."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.harness.json_codec import to_json
from benchmarks.harness.schema.peers import ClipShape
from benchmarks.harness.synthetic import fit, render
from runtime.errors import UserError
from runtime.sources.factory import open_source

if TYPE_CHECKING:
    from train.datasets.faces import FaceSet

#: Faces in the frames of `demo`, a clip each.
_DEMO_FACES = (1, 6)


@dataclass(frozen=True)
class Material:
    """Files that the adapters read.

    Attributes:
        folder: Holds them and `material.json`, which describes them.
        clips: Name, length and size of each clip.
        faces: Name of the faces' set, or None.
        truth: What people say of each face.
    """

    folder: Path
    clips: tuple[ClipShape, ...]
    faces: str | None
    truth: tuple[str, ...]


def write_material(folder: Path, source: str, frames: int, faces: FaceSet | None) -> Material:
    """Decodes frames and faces into `folder`.

    Args:
        folder: An empty one.
        source: A video, a folder of pictures, or `demo`: the portrait with one and
            with six faces.
        frames: Frames of each clip, from its start; a shorter one has fewer.
        faces: Cropped faces, all of one size and with a majority, or None.

    Raises:
        UserError: The source can't be read.
    """
    if source == "demo":
        pictures = {f"{n} face{'s' * (n > 1)}": render(n, frames) for n in _DEMO_FACES}
    else:
        pictures = {Path(source).name: _read(source, frames)}
    described: dict[str, object] = {"clips": [], "faces": None}
    clips = []
    for number, (name, images) in enumerate(pictures.items()):
        file = folder / f"clip_{number}.raw"
        clips.append(_write(file, name, images))
    described["clips"] = [
        {**to_json(clip), "file": f"clip_{number}.raw"} for number, clip in enumerate(clips)
    ]
    if faces is not None:
        shape = _write(folder / "faces.raw", faces.name, _colour(faces))
        described["faces"] = {**to_json(shape), "file": "faces.raw"}
    (folder / "material.json").write_text(json.dumps(described), encoding="utf-8")
    if faces is None:
        return Material(folder, tuple(clips), None, ())
    truth = tuple(faces.labels[index] for index in faces.majority)
    return Material(folder, tuple(clips), faces.name, truth)


def _read(spec: str, count: int) -> list[NDArray[np.uint8]]:
    source = open_source(spec)
    images: list[NDArray[np.uint8]] = []
    try:
        if source.live:
            raise UserError(f"--source {source.name}: a live source can't be repeated; give a file")
        while len(images) < count and (frame := source.read()) is not None:
            image = frame.picture.bgr()
            height, width = (images or [image])[0].shape[:2]
            images.append(fit(image, (width, height)))
    finally:
        source.close()
    if not images:
        raise UserError(f"--source {source.name}: no frame in it")
    return images


def _colour(faces: FaceSet) -> Iterable[NDArray[np.uint8]]:
    for face in faces.images:
        yield face if face.ndim == 3 else np.asarray(cv2.cvtColor(face, cv2.COLOR_GRAY2BGR))


def _write(path: Path, name: str, images: Iterable[NDArray[np.uint8]]) -> ClipShape:
    """Writes (H, W, 3) BGR pictures of the first one's size one after another."""
    count, shape = 0, (0, 0)
    with path.open("wb") as file:
        for image in images:
            shape = shape if count else (image.shape[0], image.shape[1])
            file.write(fit(image, (shape[1], shape[0])).tobytes())
            count += 1
    return ClipShape(name=name, count=count, height=shape[0], width=shape[1])

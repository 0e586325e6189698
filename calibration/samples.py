"""Real faces to calibrate with: balanced over the classes, the same for the same seed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from runtime.detectors.base import Detector
from runtime.detectors.factory import open_detector
from runtime.detectors.found_faces import find_faces
from runtime.errors import SourceError, UserError
from runtime.manifest import Manifest, Preprocess
from runtime.pictures.folders import collect_pictures
from runtime.pictures.reading import read_picture
from runtime.vision.picture import Picture
from runtime.vision.preprocess import crop_face, face_to_input, to_bgr
from train.datasets.catalogue import load_faces
from train.datasets.faces import FaceSet
from train.datasets.notes import say

#: Fewer faces leave ranges to chance.
LEAST = 64

#: Fewer faces say nothing of batches.
_LEAST_HELD_OUT = 8

#: How many of the faces are looked at again, and the part that a detector must find.
_CHECKED, _FOUND = 48, 0.5


def calibration_inputs(
    data_dir: Path, dataset: str, samples: int, seed: int, spec: Preprocess
) -> tuple[NDArray[np.float32], str]:
    """Collects the network inputs of real faces, none of which the gate may use.

    Args:
        data_dir: Folder of the data set, or of pictures.
        dataset: One of `calibration.calibration_set.SOURCES`; of a data set the training
            part is taken.
        samples: How many faces at the most.
        seed: Which faces are drawn.
        spec: Preprocessing, that of the device.

    Returns:
        (N, 3, S, S) float32 inputs, and where they come from, in words.

    Raises:
        UserError: Nothing can be read, there are fewer than `LEAST` faces, or
            they don't look like faces.
    """
    if not data_dir.is_dir():
        raise UserError(f"--calibration_dir {data_dir}: no such folder")
    detector = open_detector("centerface", None, 640, 0.4, retry=True)
    if dataset == "pictures":
        name = str(data_dir)
        faces = _faces_in_pictures(data_dir, samples, seed, spec, detector)
    else:
        every = load_faces(data_dir, dataset, "train").with_votes()
        drawn = draw_balanced(every, samples, seed)
        name, faces = every.name, [drawn.images[i] for i in range(len(drawn))]
    if len(faces) < LEAST:
        raise UserError(
            f"{name}: {len(faces)} faces to calibrate with, at least {LEAST} are needed"
        )
    if dataset != "pictures":
        _check_real(name, faces, detector)
    return np.stack([face_to_input(face, spec) for face in faces]), name


def held_out_inputs(
    data_dir: Path, dataset: str, split: str, samples: int, manifest: Manifest
) -> tuple[NDArray[np.float32], NDArray[np.int64], str]:
    """Collects inputs from faces with a label, spread evenly over a data set.

    Args:
        data_dir: The data set's folder.
        dataset: Its layout.
        split: Its part.
        samples: How many faces; all, where there are fewer, or for 0.
        manifest: The model's labels and preprocessing.

    Returns:
        (N, 3, S, S) float32 inputs, (N,) int64 labels, and their origin in words.

    Raises:
        UserError: The data set can't be read, or holds too few faces.
    """
    faces = load_faces(data_dir, dataset, split).relabel(manifest.labels).with_majority()
    count = min(samples or len(faces), len(faces))
    if count < _LEAST_HELD_OUT:
        raise UserError(
            f"{faces.name}: {count} faces with a majority label to compare on, "
            f"at least {_LEAST_HELD_OUT} are needed (--samples {samples})"
        )
    chosen = faces.spread(count)
    inputs = np.stack([face_to_input(face, manifest.preprocess) for face in chosen.images])
    return inputs, chosen.majority, faces.name


def draw_balanced(faces: FaceSet, samples: int, seed: int) -> FaceSet:
    """Draws at most `samples` faces, each class as often as its number allows.

    A face's class is the one with most votes.
    """
    classes = faces.votes.argmax(1)
    order = np.random.default_rng(seed).permutation(len(faces))
    # The n-th face of every class comes before any class's n+1-th.
    turn = np.empty(len(faces), np.int64)
    seen = np.zeros(len(faces.labels), np.int64)
    for index in order:
        turn[index] = seen[classes[index]]
        seen[classes[index]] += 1
    keep = np.zeros(len(faces), bool)
    keep[order[np.argsort(turn[order], kind="stable")][:samples]] = True
    return faces.subset(keep)


def _faces_in_pictures(
    folder: Path, samples: int, seed: int, spec: Preprocess, detector: Detector
) -> list[NDArray[np.uint8]]:
    """Collects every face of a folder's pictures in a random order, until there are enough."""
    files = collect_pictures([folder])
    faces: list[NDArray[np.uint8]] = []
    unread = faceless = seen = 0
    for index in np.random.default_rng(seed).permutation(len(files)):
        try:
            image = read_picture(files[index])
        except SourceError as error:
            unread += 1
            say(f"skipped: {error}")
            continue
        found = find_faces(detector, Picture(image))
        seen += 1
        faceless += not found
        faces += [crop_face(image, face.box, spec, face.landmarks) for face in found]
        if len(faces) >= samples:
            break
    if unread or faceless:
        say(f"{folder}: {faceless} of {seen} pictures show no face, {unread} can't be read")
    return faces[:samples]


def _check_real(name: str, faces: Sequence[NDArray[np.uint8]], detector: Detector) -> None:
    """Refuses noise, flat colours and whatever else shows no face."""
    some = np.linspace(0, len(faces) - 1, min(_CHECKED, len(faces))).astype(int)
    found = sum(bool(detector.detect(Picture(_in_a_picture(faces[i])))) for i in some)
    if found < _FOUND * len(some):
        raise UserError(
            f"{name}: a face is found in only {found} of {len(some)} of its pictures; ranges of "
            "anything but real faces would be wrong"
        )


def _in_a_picture(face: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Sets a tight crop in grey surroundings, as a detector knows faces."""
    canvas = np.full((480, 640, 3), 127, np.uint8)
    canvas[160:320, 240:400] = cv2.resize(to_bgr(face), (160, 160))
    return canvas

"""Where the faces of a video are, as a slow detector finds them that sees later frames too."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from runtime.detectors.factory import open_detector
from runtime.messages import Face
from runtime.tracking.tracker import Tracker
from runtime.vision.picture import Picture

#: A mask for each face of a picture.
FaceMasks = list[NDArray[np.bool_]]

#: Longer side of what the reference sees, in pixels, and its lowest score.
_REFERENCE_SIZE, _REFERENCE_SCORE = 1280, 0.3

#: Longest time between two detections that the reference bridges, in seconds, and
#: the least detections of a face; fewer are taken for a mistake.
_BRIDGE_S, _LEAST = 1.0, 3


def find_reference(images: Sequence[NDArray[np.uint8]], fps: float) -> list[FaceMasks]:
    """Where a detector finds faces that may take its time and see later frames.

    Args:
        images: (H, W, 3) uint8 BGR pictures of one size.
        fps: Their rate.

    Returns:
        Of each picture, an (H, W) mask for each face.
    """
    height, width = images[0].shape[:2]
    scale = _REFERENCE_SIZE / max(height, width)
    size = (round(width * scale), round(height * scale))
    detector = open_detector(size=_REFERENCE_SIZE, threshold=_REFERENCE_SCORE, threads=2)
    found = []
    for index, image in enumerate(images):
        large = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_CUBIC), np.uint8)
        faces = detector.detect(Picture(large))
        found.append([replace(f, box=_scaled(f, 1 / scale), landmarks=None) for f in faces])
        print(f"\rreference: {index + 1} of {len(images)} frames", end="", file=sys.stderr)
    print(file=sys.stderr)
    detector.close()
    forward = _bridged(found, fps)
    backward = _bridged(found[::-1], fps)[::-1]
    truth: list[FaceMasks] = []
    for boxes in (a + b for a, b in zip(forward, backward, strict=True)):
        masks: FaceMasks = []
        for x1, y1, x2, y2 in boxes:
            mask = np.zeros((height, width), np.bool_)
            mask[max(0, round(y1)) : max(0, round(y2)), max(0, round(x1)) : max(0, round(x2))] = 1
            # Both directions find the same face.
            if mask.any() and not any((mask & m).sum() > 0.5 * (mask | m).sum() for m in masks):
                masks.append(mask)
        truth.append(masks)
    return truth


def _scaled(face: Face, factor: float) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = (v * factor for v in face.box)
    return x1, y1, x2, y2


def _bridged(found: Sequence[list[Face]], fps: float) -> list[list[NDArray[np.float64]]]:
    """(4,) boxes of each frame's tracks, interpolated where one was missed for a while."""
    tracker = Tracker(max_age_s=_BRIDGE_S)
    tracks: dict[int, list[tuple[int, NDArray[np.float64]]]] = {}
    for index, faces in enumerate(found):
        for track in tracker.update(faces, index / fps):
            if track.seen:
                tracks.setdefault(track.id, []).append((index, np.array(track.face.box)))
    boxes: list[list[NDArray[np.float64]]] = [[] for _ in found]
    for seen in tracks.values():
        if len(seen) < _LEAST:
            continue
        at = [index for index, _ in seen]
        sides = np.stack([box for _, box in seen])
        for index in range(at[0], at[-1] + 1):
            boxes[index].append(np.array([np.interp(index, at, side) for side in sides.T]))
    return boxes

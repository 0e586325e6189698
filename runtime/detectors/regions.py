"""Searches parts of a picture: cuts them out, moves what is found back, drops doubles."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from runtime.messages import Face
from runtime.vision.boxes import Box, iou_matrix
from runtime.vision.picture import Picture

#: Intersection over union from which two regions' faces are the same.
_OVERLAP = 0.3

#: Share of the smaller face that lies in the other one, from which they are the same: a
#: region's border may have cut off most of a face.
_WITHIN = 0.7

#: Shortest side of a region that is searched, in pixels: no detector finds less.
_SMALLEST = 4

#: Finds the faces of an (H, W, 3) uint8 BGR picture, in its pixels, best first; the number
#: is the factor of its size that the detector shall see.
Search = Callable[[NDArray[np.uint8], float], list[Face]]


def search(
    find: Search, picture: Picture, regions: Sequence[Box] | None, reduction: float
) -> list[Face]:
    """The faces of a picture, or of regions of it, as `Detector.detect` gives them.

    Args:
        find: Searches one picture.
        picture: The whole picture.
        regions: As `Detector.detect` takes them.
        reduction: Factor by which the detector changes the whole picture's size; it is the
            same for the regions.
    """
    image = picture.bgr()
    if regions is None:
        return find(image, reduction)
    found: list[tuple[int, Face]] = []
    for number, (left, top, right, bottom) in enumerate(_parts(picture, regions)):
        part = np.ascontiguousarray(image[top:bottom, left:right])
        found += [(number, moved(face, left, top)) for face in find(part, reduction)]
    return _without_doubles(found)


def reduction_to(picture: Picture, size: float) -> float:
    """The factor that makes a picture's longer side so many pixels; 1 where it is shorter."""
    return min(1.0, size / max(picture.width, picture.height))


def moved(face: Face, x: float, y: float) -> Face:
    """The face, so many pixels further to the right and down."""
    marks = face.landmarks
    if marks is not None:
        marks = marks + np.array([x, y], np.float32)
    extent = face.extent and _moved(face.extent, x, y)
    return replace(face, box=_moved(face.box, x, y), landmarks=marks, extent=extent)


def _moved(box: Box, x: float, y: float) -> Box:
    return box[0] + x, box[1] + y, box[2] + x, box[3] + y


def _parts(picture: Picture, regions: Sequence[Box]) -> list[tuple[int, int, int, int]]:
    """What of the regions is in the picture, in whole pixels; those within others left out."""
    width, height = picture.width, picture.height
    parts = []
    for box in regions:
        if any(math.isnan(v) for v in box):
            continue
        x1, x2 = (min(max(v, 0), width) for v in (box[0], box[2]))
        y1, y2 = (min(max(v, 0), height) for v in (box[1], box[3]))
        part = math.floor(x1), math.floor(y1), math.ceil(x2), math.ceil(y2)
        if part[2] - part[0] >= _SMALLEST and part[3] - part[1] >= _SMALLEST:
            parts.append(part)
    parts = list(dict.fromkeys(parts))
    return [p for p in parts if not any(_holds(other, p) for other in parts if other != p)]


def _holds(outer: tuple[int, int, int, int], inner: tuple[int, int, int, int]) -> bool:
    return (
        outer[0] <= inner[0]
        and outer[1] <= inner[1]
        and outer[2] >= inner[2]
        and outer[3] >= inner[3]
    )


def _without_doubles(found: list[tuple[int, Face]]) -> list[Face]:
    """The faces, best first, without weaker ones that another region shows as well."""
    found = sorted(found, key=lambda item: -item[1].score)
    kept: list[tuple[int, Face]] = []
    for number, face in found:
        others = np.array([f.box for n, f in kept if n != number], np.float64).reshape(-1, 4)
        box = np.array([face.box], np.float64)
        overlap = iou_matrix(box, others)[0]
        # Of IoU and the areas follows how much of the smaller one lies in the other.
        area, areas = _area(box), _area(others)
        shared = overlap * (area + areas) / (1 + overlap)
        within = shared / np.maximum(np.minimum(area, areas), 1e-9)
        if not ((overlap > _OVERLAP) | (within > _WITHIN)).any():
            kept.append((number, face))
    return [face for _, face in kept]


def _area(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    area: NDArray[np.float64] = np.prod(np.clip(boxes[:, 2:] - boxes[:, :2], 0, None), axis=1)
    return area

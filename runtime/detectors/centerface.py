"""CenterFace, the detector that comes with the runtime."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from runtime.detectors import regions as parts
from runtime.engines.base import Network
from runtime.errors import EngineError
from runtime.messages import Face
from runtime.vision.anonymize import MARGIN
from runtime.vision.boxes import Box, iou_matrix
from runtime.vision.picture import Picture

#: Intersection over union from which the weaker of two boxes is taken for the same face.
_OVERLAP = 0.3


#: Cell of CenterFace's output grid, in input pixels.
_STRIDE = 4


#: Most cells of its grid that may be faces, best first: 600 faces made 2,900, and the
#: suppression of overlaps takes 0.1 s for 3,000 and 5 s for 20,000.
_CANDIDATES = 3000


#: Logarithm of its largest box in cells; a face that fills 4,096 pixels has 7.
_MAX_EXTENT = 12.0

#: Names of the network's outputs.
_OUTPUTS = ("heatmap", "size", "offset", "points")


class CenterFace:
    """CenterFace (Xu et al. 2019, arXiv:1911.03599): box, score and five landmarks.

    The picture is reduced until its longer side is `size`, never enlarged.
    """

    def __init__(
        self,
        network: Network,
        size: int,
        threshold: float,
        retry: bool = False,
        extents: bool = False,
    ) -> None:
        """Wraps the network.

        Args:
            network: `centerface.onnx`, RGB 0 to 255.
            size: Longer side of what the network sees, in pixels.
            threshold: Lowest score of a face.
            retry: Search again at half the size where no face was found: the
                network misses some faces that fill the picture.
            extents: Tell each face's extent.

        Raises:
            EngineError: Another network.
        """
        if set(network.output_shapes) != set(_OUTPUTS):
            raise EngineError(f"{network.name}: not the CenterFace detector of this project")
        self._network = network
        self._size = size
        self._threshold = threshold
        self._retry = retry
        self._extents = extents

    def detect(
        self, picture: Picture, regions: Sequence[Box] | None = None, scale: float = 1.0
    ) -> list[Face]:
        """See `Detector.detect`."""
        size = max(32, round(self._size * scale))
        faces = self._search(picture, regions, size)
        if not faces and self._retry:
            faces = self._search(picture, regions, size // 2)
        return faces

    def _search(self, picture: Picture, regions: Sequence[Box] | None, size: int) -> list[Face]:
        return parts.search(self._find, picture, regions, parts.reduction_to(picture, size))

    def close(self) -> None:
        """Frees the network."""
        self._network.close()

    # A crafted picture or file can make it give anything; `find_faces` drops what is absurd.
    @np.errstate(over="ignore", invalid="ignore")
    def _find(self, image: NDArray[np.uint8], scale: float) -> list[Face]:
        batch = self._prepare(image, scale)
        given = self._network.run(batch)
        heatmap, extent, offset, points = (np.asarray(given[name])[0] for name in _OUTPUTS)
        rows, columns = np.nonzero(heatmap[0] >= self._threshold)
        if not len(rows):
            return []
        scores = heatmap[0, rows, columns].astype(np.float64)
        if len(rows) > _CANDIDATES:
            best = np.argsort(-scores, kind="stable")[:_CANDIDATES]
            rows, columns, scores = rows[best], columns[best], scores[best]
        # Channel 0 is vertical, 1 horizontal, in all three maps.
        extent = np.minimum(extent[:, rows, columns].astype(np.float64), _MAX_EXTENT)
        high, wide = np.exp(extent) * _STRIDE
        y1 = (rows + offset[0, rows, columns] + 0.5) * _STRIDE - high / 2
        x1 = (columns + offset[1, rows, columns] + 0.5) * _STRIDE - wide / 2
        # Landmarks are parts of the box, counted from its corner as cut off at the border.
        marks = points[:, rows, columns].astype(np.float64).reshape(5, 2, -1)
        mark_x = marks[:, 1] * wide + np.maximum(x1, 0)
        mark_y = marks[:, 0] * high + np.maximum(y1, 0)
        boxes = np.nan_to_num(np.stack([x1, y1, wide, high], axis=1))
        kept = np.asarray(
            cv2.dnn.NMSBoxes(boxes.tolist(), scores.tolist(), self._threshold, _OVERLAP), np.int64
        ).reshape(-1)
        boxes /= scale
        corners = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)
        extents = _extents(corners, kept) if self._extents else [None] * len(kept)
        faces = []
        for i, extent in zip(kept, extents, strict=True):
            landmarks = np.stack([mark_x[:, i], mark_y[:, i]], axis=1) / scale
            x1, y1, x2, y2 = corners[i].tolist()
            score = float(scores[i])
            faces.append(Face((x1, y1, x2, y2), score, landmarks.astype(np.float32), extent))
        return faces

    @staticmethod
    def _prepare(image: NDArray[np.uint8], scale: float) -> NDArray[np.float32]:
        """(1, 3, H, W) with sides divisible by 32, the reduced picture at the upper left."""
        height, width = image.shape[:2]
        small_w, small_h = max(1, round(width * scale)), max(1, round(height * scale))
        if scale < 1.0:
            image = np.asarray(
                cv2.resize(image, (small_w, small_h), interpolation=cv2.INTER_AREA), np.uint8
            )
        batch = np.zeros((1, 3, -(-small_h // 32) * 32, -(-small_w // 32) * 32), np.float32)
        for channel in range(3):
            batch[0, channel, :small_h, :small_w] = image[:, :, 2 - channel]
        return batch


def _extents(boxes: NDArray[np.float64], kept: NDArray[np.int64]) -> list[Box]:
    """Around each box that was kept, with those taken for the same face that reach far beyond.

    One of them may be another's face, half behind it. Those that its cover holds
    anyway, which most are, don't count.

    Args:
        boxes: (N, 4) corners of all.
        kept: (K,) which of them were kept.
    """
    extents: list[Box] = []
    for i in kept:
        box = boxes[i]
        low, high = box[:2], box[2:]
        margin = MARGIN * (high - low)
        beyond = (boxes[:, :2] < low - margin) | (boxes[:, 2:] > high + margin)
        same = iou_matrix(box[None], boxes)[0] > _OVERLAP
        same = np.vstack([box, boxes[same & beyond.any(axis=1)]])
        (x1, y1), (x2, y2) = same[:, :2].min(0).tolist(), same[:, 2:].max(0).tolist()
        extents.append((x1, y1, x2, y2))
    return extents

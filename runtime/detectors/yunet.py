"""YuNet, through OpenCV."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from runtime.detectors import regions as parts
from runtime.engines.onnx_file import read_onnx
from runtime.errors import EngineError
from runtime.messages import Face
from runtime.vision.boxes import Box
from runtime.vision.opencv_log import quiet_opencv
from runtime.vision.picture import Picture


class Yunet:
    """OpenCV's FaceDetectorYN with a YuNet file that the user has."""

    def __init__(self, model: Path, size: int, threshold: float) -> None:
        """Loads the file.

        Raises:
            EngineError: It is no sound YuNet model, or OpenCV was built without it.
        """
        from runtime.engines.ort import OrtNetwork

        with read_onnx(model) as file:
            # At some broken files OpenCV's reader ends the process; this one refuses them.
            OrtNetwork(model, file.path, "cpu", 1).close()
            content = np.frombuffer(file.content, np.uint8)
        try:
            with quiet_opencv():
                self._net: Any = cv2.FaceDetectorYN.create(
                    "onnx", content, np.empty(0, np.uint8), (size, size), threshold
                )
                # Another network loads too; it fails at its first picture.
                self._net.detect(np.zeros((size, size, 3), np.uint8))
        except (cv2.error, AttributeError) as error:
            raise EngineError(f"--detector_model {model}: not a YuNet model") from error
        self._size = size

    def detect(
        self, picture: Picture, regions: Sequence[Box] | None = None, scale: float = 1.0
    ) -> list[Face]:
        """See `Detector.detect`."""
        reduction = parts.reduction_to(picture, self._size * scale)
        return parts.search(self._find, picture, regions, reduction)

    def _find(self, image: NDArray[np.uint8], scale: float) -> list[Face]:
        height, width = image.shape[:2]
        shape = (max(1, round(width * scale)), max(1, round(height * scale)))
        self._net.setInputSize(shape)
        _, rows = self._net.detect(cv2.resize(image, shape, interpolation=cv2.INTER_AREA))
        faces = []
        for row in () if rows is None else rows:
            x, y, w, h = (float(v) / scale for v in row[:4])
            landmarks = np.asarray(row[4:14], np.float32).reshape(5, 2) / np.float32(scale)
            faces.append(Face((x, y, x + w, y + h), float(row[14]), landmarks))
        return sorted(faces, key=lambda face: -face.score)

    def close(self) -> None:
        """Drops the model."""
        self._net = None

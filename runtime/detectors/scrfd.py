"""SCRFD, through insightface."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime.detectors import regions as parts
from runtime.engines.onnx_file import read_onnx
from runtime.errors import EngineError
from runtime.messages import Face
from runtime.support.redaction import printable
from runtime.vision.boxes import Box
from runtime.vision.picture import Picture


class Scrfd:
    """insightface's SCRFD with a model file that the user has."""

    def __init__(self, model: Path, size: int, threshold: float) -> None:
        """Loads the file.

        Raises:
            EngineError: insightface isn't installed, or the file is no SCRFD model.
        """
        try:
            from insightface.model_zoo import get_model  # type: ignore[import-not-found]
        except ImportError as error:
            raise EngineError("--detector scrfd: needs `pip install insightface`") from error
        with read_onnx(model) as file:
            content = file.content
        # insightface takes only a path, and may read it more than once: it gets one that
        # nobody else can write.
        self._folder = tempfile.TemporaryDirectory(prefix="emotion-edge-")
        copy = Path(self._folder.name) / "model.onnx"
        try:
            copy.write_bytes(content)
            self._net: Any = get_model(str(copy), providers=["CPUExecutionProvider"])
            if not hasattr(self._net, "detect"):
                raise TypeError(f"it is a {type(self._net).__name__}")
            self._size = size
            side = _input(size)
            self._net.prepare(ctx_id=-1, input_size=(side, side), det_thresh=threshold)
        except Exception as error:  # insightface asserts and raises as it goes
            self._folder.cleanup()
            reason = printable(str(error))
            raise EngineError(f"--detector_model {model}: not an SCRFD model ({reason})") from error

    def detect(
        self, picture: Picture, regions: Sequence[Box] | None = None, scale: float = 1.0
    ) -> list[Face]:
        """See `Detector.detect`."""
        # insightface enlarges as well as reduces, so that this may be above 1.
        resized = self._size * scale / max(picture.width, picture.height)
        return parts.search(self._find, picture, regions, resized)

    def _find(self, image: NDArray[np.uint8], scale: float) -> list[Face]:
        side = _input(max(image.shape[:2]) * scale)
        boxes, points = self._net.detect(image, input_size=(side, side))
        faces = []
        for i, row in enumerate(boxes):
            x1, y1, x2, y2, score = (float(v) for v in row)
            landmarks = None if points is None else np.asarray(points[i], np.float32)
            faces.append(Face((x1, y1, x2, y2), score, landmarks))
        return sorted(faces, key=lambda face: -face.score)

    def close(self) -> None:
        """Drops the model."""
        self._net = None
        self._folder.cleanup()


def _input(longer: float) -> int:
    """Side of the square that the network sees: a multiple of its stride."""
    return max(32, -(-round(longer) // 32) * 32)

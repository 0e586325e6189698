"""Face detectors."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from runtime.anonymize import MARGIN
from runtime.engines import Network, open_network
from runtime.engines.model_file import read_onnx
from runtime.errors import EngineError
from runtime.messages import Face
from runtime.preprocess import Box
from runtime.redact import printable
from runtime.track import iou_matrix

DETECTORS = ("centerface", "scrfd", "yunet")

#: The detector that comes with the runtime.
CENTERFACE = Path(__file__).resolve().parent / "models" / "centerface.onnx"

#: Intersection over union from which the weaker of two boxes is taken for the same face.
_OVERLAP = 0.3

#: Cell of CenterFace's output grid, in input pixels.
_STRIDE = 4


#: Most cells of its grid that may be faces, best first: 600 faces made 2,900, and the
#: suppression of overlaps takes 0.1 s for 3,000 and 5 s for 20,000.
_CANDIDATES = 3000

#: Logarithm of its largest box in cells; a face that fills 4,096 pixels has 7.
_MAX_EXTENT = 12.0


class Detector(Protocol):
    """Finds faces in a picture. One thread calls it."""

    def detect(self, image: NDArray[np.uint8], scale: float = 1.0) -> list[Face]:
        """Faces of an (H, W, 3) uint8 BGR picture, best first, in its pixels.

        A `scale` below 1 looks at so much smaller a picture, to be quicker.
        """
        ...

    def close(self) -> None:
        """Frees the model."""
        ...


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
            retry: Look again at half the size where no face was found: the
                network misses some faces that fill the picture.
            extents: Tell each face's extent.

        Raises:
            EngineError: Another network.
        """
        if set(network.output_shapes) != {"heatmap", "size", "offset", "points"}:
            raise EngineError(f"{network.name}: not the CenterFace detector of this project")
        self._network = network
        self._size = size
        self._threshold = threshold
        self._retry = retry
        self._extents = extents

    def detect(self, image: NDArray[np.uint8], scale: float = 1.0) -> list[Face]:
        """See `Detector.detect`."""
        size = max(32, round(self._size * scale))
        faces = self._detect(image, size)
        if not faces and self._retry:
            faces = self._detect(image, size // 2)
        return faces

    def close(self) -> None:
        """Frees the network."""
        self._network.close()

    # A crafted picture or file can make it give anything; `find_faces` drops what is absurd.
    @np.errstate(over="ignore", invalid="ignore")
    def _detect(self, image: NDArray[np.uint8], size: int) -> list[Face]:
        batch, scale = self._prepare(image, size)
        heatmap, extent, offset, points = (np.asarray(o)[0] for o in self._network.run(batch))
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
    def _prepare(image: NDArray[np.uint8], longer: int) -> tuple[NDArray[np.float32], float]:
        """(1, 3, H, W) with sides divisible by 32, the picture at the upper left; and its scale."""
        height, width = image.shape[:2]
        scale = min(1.0, longer / max(height, width))
        small_w, small_h = max(1, round(width * scale)), max(1, round(height * scale))
        if scale < 1.0:
            image = np.asarray(
                cv2.resize(image, (small_w, small_h), interpolation=cv2.INTER_AREA), np.uint8
            )
        batch = np.zeros((1, 3, -(-small_h // 32) * 32, -(-small_w // 32) * 32), np.float32)
        for channel in range(3):
            batch[0, channel, :small_h, :small_w] = image[:, :, 2 - channel]
        return batch, scale


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
            self._net: Any = cv2.FaceDetectorYN.create(
                "onnx", content, np.empty(0, np.uint8), (size, size), threshold
            )
            # Another network loads too; it fails at its first picture.
            self._net.detect(np.zeros((size, size, 3), np.uint8))
        except (cv2.error, AttributeError) as error:
            raise EngineError(f"--detector_model {model}: not a YuNet model") from error
        self._size = size

    def detect(self, image: NDArray[np.uint8], scale: float = 1.0) -> list[Face]:
        """See `Detector.detect`."""
        height, width = image.shape[:2]
        scale = min(1.0, self._size * scale / max(height, width))
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
            self._net.prepare(ctx_id=-1, input_size=self._input(1.0), det_thresh=threshold)
        except Exception as error:  # insightface asserts and raises as it goes
            self._folder.cleanup()
            reason = printable(str(error))
            raise EngineError(f"--detector_model {model}: not an SCRFD model ({reason})") from error

    def detect(self, image: NDArray[np.uint8], scale: float = 1.0) -> list[Face]:
        """See `Detector.detect`."""
        boxes, points = self._net.detect(image, input_size=self._input(scale))
        faces = []
        for i, row in enumerate(boxes):
            x1, y1, x2, y2, score = (float(v) for v in row)
            landmarks = None if points is None else np.asarray(points[i], np.float32)
            faces.append(Face((x1, y1, x2, y2), score, landmarks))
        return sorted(faces, key=lambda face: -face.score)

    def _input(self, scale: float) -> tuple[int, int]:
        side = -(-round(self._size * scale) // 32) * 32
        return side, side

    def close(self) -> None:
        """Drops the model."""
        self._net = None
        self._folder.cleanup()


def open_detector(
    name: str = "centerface",
    model: str | None = None,
    size: int = 320,
    threshold: float = 0.4,
    threads: int = 1,
    retry: bool = False,
    extents: bool = False,
) -> Detector:
    """Opens a face detector.

    Args:
        name: One of `DETECTORS`.
        model: Its file; only CenterFace comes with the runtime.
        size: Longer side of what the detector sees, in pixels.
        threshold: Lowest score of a face.
        threads: Threads inside one run.
        retry: As `CenterFace`.
        extents: Tell `Face.extent`; only CenterFace can.

    Raises:
        EngineError: Unknown name, missing or wrong file.
    """
    if name not in DETECTORS:
        raise EngineError(f"--detector must be one of {', '.join(DETECTORS)}, not {name!r}")
    if not 32 <= size <= 4096:
        raise EngineError(f"--detect_size must be 32 to 4096 pixels, not {size}")
    if name == "centerface":
        file = Path(model) if model else CENTERFACE
        return CenterFace(open_network(file, "cpu", threads), size, threshold, retry, extents)
    if model is None:
        source = {
            "scrfd": "det_500m.onnx from insightface's buffalo_s model pack",
            "yunet": "face_detection_yunet_2023mar.onnx from OpenCV's model zoo (opencv_zoo)",
        }[name]
        raise EngineError(f"--detector {name}: needs --detector_model FILE, such as {source}")
    if not Path(model).exists():
        raise EngineError(f"--detector_model {model}: no such file")
    if name == "scrfd":
        return Scrfd(Path(model), size, threshold)
    return Yunet(Path(model), size, threshold)

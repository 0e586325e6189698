"""Opens a face detector by its name."""

from __future__ import annotations

import os
from pathlib import Path

from runtime.detectors.base import Detector
from runtime.detectors.catalogue import DETECTORS
from runtime.detectors.centerface import CenterFace
from runtime.detectors.scrfd import Scrfd
from runtime.detectors.yunet import Yunet
from runtime.engines.catalogue import CENTERFACE
from runtime.engines.factory import open_network
from runtime.errors import EngineError
from runtime.support.files.home import at_home


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
    model = at_home(model)
    if name == "centerface":
        file = Path(model) if model else CENTERFACE
        return CenterFace(open_network(file, "cpu", threads), size, threshold, retry, extents)
    if model is None:
        source = {
            "scrfd": "det_500m.onnx from insightface's buffalo_s model pack",
            "yunet": "face_detection_yunet_2023mar.onnx from OpenCV's model zoo (opencv_zoo)",
        }[name]
        raise EngineError(f"--detector {name}: needs --detector_model FILE, such as {source}")
    if not os.path.exists(model):
        raise EngineError(f"--detector_model {model}: no such file")
    if name == "scrfd":
        return Scrfd(Path(model), size, threshold)
    return Yunet(Path(model), size, threshold)

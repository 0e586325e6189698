"""What runs on the device: capture, detection, tracking, emotion, output.

It needs NumPy, OpenCV and an engine; never torch, and none of the other
packages of this project. `emotion_edge` is its public face.

    from runtime import Pipeline

    with Pipeline(["demo"]) as pipeline:
        for result in pipeline:
            print(result.frame, [face.emotion for face in result.faces])
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

from runtime.errors import EngineError, ManifestError, SourceError, StageError, UserError
from runtime.manifest import EMOTIONS, Manifest

if TYPE_CHECKING:
    from runtime.engines.factory import open_engine
    from runtime.messages import EmotionResult, Face, Frame, FrameResult
    from runtime.pipeline.config import (
        DetectorConfig,
        EngineConfig,
        LabelsConfig,
        LatencyConfig,
        PipelineConfig,
    )
    from runtime.pipeline.pipeline import Pipeline
    from runtime.recognizer import EmotionRecognizer
    from runtime.sources.config import SourceConfig
    from runtime.vision.picture import Picture

#: The one place where the version stands.
__version__ = "0.1.0"

# ONNX Runtime from 1.29 on sends a device id, the machine and the program's name to
# its makers, unless it finds this when it is imported; empty and 0 don't count.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

__all__ = [
    "EMOTIONS",
    "DetectorConfig",
    "EmotionRecognizer",
    "EmotionResult",
    "EngineConfig",
    "EngineError",
    "Face",
    "Frame",
    "FrameResult",
    "LabelsConfig",
    "LatencyConfig",
    "Manifest",
    "ManifestError",
    "Picture",
    "Pipeline",
    "PipelineConfig",
    "SourceConfig",
    "SourceError",
    "StageError",
    "UserError",
    "open_engine",
]

#: Where the names are that need NumPy, OpenCV or an engine.
_HEAVY = {
    "DetectorConfig": "runtime.pipeline.config",
    "EmotionRecognizer": "runtime.recognizer",
    "EmotionResult": "runtime.messages",
    "EngineConfig": "runtime.pipeline.config",
    "Face": "runtime.messages",
    "Frame": "runtime.messages",
    "FrameResult": "runtime.messages",
    "LabelsConfig": "runtime.pipeline.config",
    "LatencyConfig": "runtime.pipeline.config",
    "Picture": "runtime.vision.picture",
    "Pipeline": "runtime.pipeline.pipeline",
    "PipelineConfig": "runtime.pipeline.config",
    "SourceConfig": "runtime.pipeline.config",
    "open_engine": "runtime.engines.factory",
}


def __getattr__(name: str) -> Any:
    """Imports OpenCV and the engines only when they are asked for."""
    if name in _HEAVY:
        return getattr(importlib.import_module(_HEAVY[name]), name)
    raise AttributeError(f"module 'runtime' has no attribute {name!r}")

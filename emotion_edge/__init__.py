"""Facial emotion recognition: what a program that uses this package needs.

    from emotion_edge import EmotionRecognizer, Pipeline

    with EmotionRecognizer() as recognizer:
        for face in recognizer.predict("photo.jpg").faces:
            print(face.emotion, face.confidence)

    with Pipeline(["clip.mp4"]) as pipeline:
        for result in pipeline:
            print(result.frame, [face.emotion for face in result.faces])

Only these names are kept as they are from version to version; the modules of
`runtime` may move.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import runtime
from runtime import __version__ as __version__
from runtime.errors import EngineError, ManifestError, SourceError, StageError, UserError

if TYPE_CHECKING:
    from runtime.messages import EmotionResult, Face, Frame, FrameResult
    from runtime.pipeline.config import (
        DetectorConfig,
        EngineConfig,
        LabelsConfig,
        LatencyConfig,
        PipelineConfig,
        SourceConfig,
    )
    from runtime.pipeline.pipeline import Pipeline
    from runtime.recognizer import EmotionRecognizer
    from runtime.vision.picture import Picture

__all__ = [
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
    "ManifestError",
    "Picture",
    "Pipeline",
    "PipelineConfig",
    "SourceConfig",
    "SourceError",
    "StageError",
    "UserError",
]


def __getattr__(name: str) -> Any:
    """Loads NumPy, OpenCV and the engines only when they are asked for."""
    if name in __all__:
        return getattr(runtime, name)
    raise AttributeError(f"module 'emotion_edge' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])

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
from runtime import EngineError, ManifestError, SourceError, StageError, UserError
from runtime import __version__ as __version__

if TYPE_CHECKING:
    from runtime import (
        DetectorConfig,
        EmotionRecognizer,
        EmotionResult,
        EngineConfig,
        Face,
        Frame,
        FrameResult,
        LabelsConfig,
        LatencyConfig,
        Picture,
        Pipeline,
        PipelineConfig,
        SourceConfig,
    )

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

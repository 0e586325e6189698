"""What runs on the device: capture, detection, tracking, emotion, output.

Needs numpy, OpenCV and an engine; never torch, and none of the other
packages of this project.

    from runtime import Pipeline

    with Pipeline(["demo"]) as pipeline:
        for result in pipeline:
            print(result.frame, [face.emotion for face in result.faces])
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from runtime.errors import EngineError, ManifestError, SourceError, StageError, UserError
from runtime.manifest import EMOTIONS, Manifest

if TYPE_CHECKING:
    from runtime.engines.factory import open_engine
    from runtime.pipeline.pipeline import Pipeline

__version__ = "0.1.0"

# ONNX Runtime from 1.29 on sends a device id, the machine and the program's name to
# its makers, unless it finds this when it is imported; empty and 0 don't count.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

__all__ = [
    "EMOTIONS",
    "EngineError",
    "Manifest",
    "ManifestError",
    "Pipeline",
    "SourceError",
    "StageError",
    "UserError",
    "open_engine",
]


def __getattr__(name: str) -> Any:
    """Imports OpenCV and the engines only when they are asked for."""
    if name == "Pipeline":
        from runtime.pipeline.pipeline import Pipeline

        return Pipeline
    if name == "open_engine":
        from runtime.engines.factory import open_engine

        return open_engine
    raise AttributeError(f"module 'runtime' has no attribute {name!r}")

"""What a figure was measured on."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import cv2


def machine() -> dict[str, Any]:
    """Processor, cores, load and versions, for a report."""
    import onnxruntime

    model = "unknown"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    return {
        "cpu": model,
        "cores": len(os.sched_getaffinity(0)),
        "load_1min": round(os.getloadavg()[0], 2),
        "python": sys.version.split()[0],
        "onnxruntime": onnxruntime.__version__,
        "opencv": cv2.__version__,
    }

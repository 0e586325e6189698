"""What a figure was measured on."""

from __future__ import annotations

import os
import subprocess
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
        "governor": _governor(),
        "git": _revision(),
        "load_1min": round(os.getloadavg()[0], 2),
        "python": sys.version.split()[0],
        "onnxruntime": onnxruntime.__version__,
        "opencv": cv2.__version__,
    }


def _governor() -> str | None:
    """How the clock is ruled; anything but `performance` makes times wander."""
    try:
        return Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor").read_text().strip()
    except OSError:
        return None


def _revision() -> str | None:
    """The commit that was measured, with `+` where the tree was changed."""
    try:
        shown = subprocess.run(
            ["git", "describe", "--always", "--exclude=*", "--dirty=+"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return shown.stdout.strip()

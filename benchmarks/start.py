"""How long the command takes to start, and what it takes: each figure in a fresh process."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

from runtime.errors import UserError


def measure_start(engine: str) -> dict[str, Any]:
    """Import time, time to the first result and peak memory, in fresh processes."""
    webcam = ["-m", "runtime.webcam", "--source", "demo", "--headless", "--engine", engine]
    _run(["-c", "import runtime"])  # warms the disk cache
    return {
        "import_s": _median_seconds(["-c", "import runtime"]),
        "bare_python_s": _median_seconds(["-c", "pass"]),
        "first_result_s": _median_seconds([*webcam, "--max_frames", "1"]),
        "peak_memory_mb": _peak_memory_mb(webcam),
    }


def _median_seconds(arguments: Sequence[str]) -> float:
    times = []
    for _ in range(5):
        start = time.perf_counter()
        _run(arguments)
        times.append(time.perf_counter() - start)
    return round(statistics.median(times), 3)


def _peak_memory_mb(arguments: Sequence[str]) -> float:
    """Peak resident memory of a run, in MB; measured in a process without other children."""
    code = (
        "import resource, subprocess, sys; "
        "subprocess.run([sys.executable, *sys.argv[1:]], check=True, stderr=subprocess.DEVNULL); "
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
    )
    return round(int(done.stdout) * 1024 / 1e6, 1)


def _run(arguments: Sequence[str]) -> None:
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True)
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        raise UserError(lines[-1].removeprefix("error: ") if lines else "a run failed")

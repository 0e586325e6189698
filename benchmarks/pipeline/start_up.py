"""How long the command takes to start, and what it takes: each figure in a fresh process."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Sequence

from benchmarks.harness.schema.pipeline import StartUp, StartUpSamples
from runtime.errors import UserError

_ROUNDS = 5


def measure_start_up(engine: str) -> StartUp:
    """Import time, time to the first result and peak memory, in fresh processes and in turns."""
    webcam = ["-m", "runtime.webcam", "--source", "demo", "--headless", "--engine", engine]
    runs = {
        "import_s": ["-c", "import runtime"],
        "bare_python_s": ["-c", "pass"],
        "first_result_s": [*webcam, "--max_frames", "1"],
    }
    _seconds(runs["import_s"])  # warms the disk cache
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(_ROUNDS):
        for name, arguments in runs.items():
            times[name].append(_seconds(arguments))
    pairs = zip(times["first_result_s"], times["bare_python_s"], strict=True)
    return StartUp(
        **{name: round(statistics.median(took), 3) for name, took in times.items()},
        peak_memory_mb=_peak_memory_mb(webcam),
        samples=StartUpSamples(over_bare_python=[round(a / b, 3) for a, b in pairs]),
    )


def _seconds(arguments: Sequence[str]) -> float:
    start = time.perf_counter()
    _run(arguments)
    return time.perf_counter() - start


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

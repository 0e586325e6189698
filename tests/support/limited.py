"""Runs code in a process of its own, with a limit of memory and of time."""

import resource
import subprocess
import sys
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]


def run_limited(code: str, *argv: object, megabytes: int = 1024, seconds: float = 120):
    """The finished process; a crash, a hang or too much memory shows in its exit code."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20))

    return subprocess.run(
        [sys.executable, "-c", code, *map(str, argv)],
        cwd=REPO,
        env={"PYTHONPATH": str(REPO), "PATH": "/usr/bin:/bin", "OPENBLAS_NUM_THREADS": "1"},
        preexec_fn=limit,
        timeout=seconds,
        capture_output=True,
        text=True,
    )

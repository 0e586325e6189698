"""What a figure was measured on."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path

import cv2
import numpy as np

from benchmarks.harness.schema.common import ArtifactRecord, Machine
from runtime.engines.catalogue import model_path
from runtime.engines.trt.cuda import Cuda
from runtime.errors import EngineError
from runtime.manifest import file_hash


def this_machine() -> Machine:
    """Processor, cores, load and versions, for a report."""
    import onnxruntime

    return Machine(
        cpu=_processor(),
        cores=len(os.sched_getaffinity(0)),
        gpu=_gpu(),
        governor=_governor(),
        git=_revision(),
        load_1min=round(os.getloadavg()[0], 2),
        date=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        python=sys.version.split()[0],
        numpy=np.__version__,
        onnxruntime=onnxruntime.__version__,
        opencv=cv2.__version__,
        torch=_version("torch"),
    )


def describe(machine: Machine) -> str:
    """One line of it, for people."""
    named = {
        "GPU": machine.gpu,
        "load": machine.load_1min,
        "Python": machine.python,
        "ONNX Runtime": machine.onnxruntime,
        "git": machine.git,
    }
    known = [f"{name} {value}" for name, value in named.items() if value is not None]
    return ", ".join([machine.cpu, f"{machine.cores} cores", *known])


def artifact(name: str, provider: str = "cpu") -> ArtifactRecord:
    """Which file a model is.

    Args:
        name: What `--engine` took: a file, or the name of a shipped model.
        provider: Where it runs.
    """
    path = model_path(name, provider)
    return ArtifactRecord(
        engine=Path(name).name,
        sha256=file_hash(path) if path.is_file() else None,
        megabytes=round(path.stat().st_size / 1e6, 2) if path.is_file() else None,
    )


def _processor() -> str:
    """The processor's name; a board's on ARM, whose cores have none there."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    try:
        return Path("/proc/device-tree/model").read_text().strip("\0\n ")
    except OSError:
        return "unknown"


def _gpu() -> str | None:
    """The GPU's name, where there is one that CUDA knows."""
    try:
        return Cuda().device().name
    except EngineError:
        return None


def _version(package: str) -> str | None:
    """A package's version, without importing it."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


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

"""What this machine has that the runtime needs: packages, GPU, FFmpeg, display, cameras.

Everything only looks; nothing is opened but CUDA's driver and, to ask for their names,
cameras.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from runtime.engines.providers import PROVIDERS
from runtime.errors import EngineError
from runtime.sources.decoders.v4l2 import video_nodes

#: Module of each package that the runtime can't do without, and its distributions.
_REQUIRED = {
    "numpy": ("numpy",),
    "cv2": (
        "opencv-python-headless",
        "opencv-python",
        "opencv-contrib-python-headless",
        "opencv-contrib-python",
    ),
    "onnxruntime": tuple(dict.fromkeys(p.package for p in PROVIDERS.values())),
}

#: Needed only for plans.
_OPTIONAL = ("tensorrt", "tensorrt-rtx", "cuda-bindings")


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the doctor's report.

    Attributes:
        name: What was looked at.
        status: `ok`, `warning` (something won't work or isn't as it should be)
            or `problem` (nothing will).
        detail: What was found, and what to do where it isn't `ok`.
    """

    name: str
    status: str
    detail: str


def check_machine() -> Iterator[Check]:
    """Looks at everything but the model."""
    yield _system()
    yield from check_packages(_distributions())
    yield _providers()
    yield _gpu()
    yield _ffmpeg()
    yield _display()
    yield _cameras(sorted(Path("/dev").glob("video*")))


def check_packages(installed: Mapping[str, str]) -> Iterator[Check]:
    """Packages that are missing, or overwrite each other.

    Args:
        installed: Version by distribution's name.
    """
    for module, names in _REQUIRED.items():
        found = [name for name in names if name in installed]
        shown = ", ".join(f"{name} {installed[name]}" for name in found)
        if importlib.util.find_spec(module) is None:
            yield Check(module, "problem", f"can't be imported: `pip install {names[0]}`")
        elif len(found) > 1:
            yield Check(
                module,
                "problem" if module == "onnxruntime" else "warning",
                f"{shown} overwrite each other's files: `pip uninstall {' '.join(found)}`, "
                "then install the one you want",
            )
        else:
            # A Jetson's own OpenCV comes from its system, not from pip.
            yield Check(module, "ok", shown or "not from pip")
    optional = [f"{name} {installed[name]}" for name in _OPTIONAL if name in installed]
    yield Check("plans", "ok", ", ".join(optional) or "no TensorRT: only .onnx models run here")


def driver_version(text: str) -> str | None:
    """NVIDIA's driver in the text of `/proc/driver/nvidia/version`."""
    match = re.search(r"\s(\d{3,}\.\d+(?:\.\d+)?)\s", text)
    return match[1] if match else None


def _system() -> Check:
    model = _read("/proc/device-tree/model").strip("\0 \n")  # a Jetson's name
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    about = [
        f"Python {platform.python_version()} ({sys.executable})",
        f"{platform.system()} {platform.release()} {platform.machine()}",
        f"{cores} CPU cores",
        *([model] if model else []),
    ]
    return Check("system", "ok", ", ".join(about))


def _distributions() -> dict[str, str]:
    found = {}
    for distribution in metadata.distributions():
        name = distribution.metadata["Name"]
        if name:  # a half-removed package has none
            found[re.sub(r"[-_.]+", "-", name).lower()] = distribution.version
    return found


def _providers() -> Check:
    try:
        import onnxruntime

        listed = onnxruntime.get_available_providers()
    except (ImportError, AttributeError) as error:  # AttributeError: only its folder is left
        return Check("providers", "problem", f"ONNX Runtime doesn't work ({error}); reinstall it")
    names = [name for name, provider in PROVIDERS.items() if provider.execution in listed]
    note = "" if names == ["cpu"] else " (listed; whether one loads shows when it is used)"
    return Check("providers", "ok", f"--provider {', '.join(names)}{note}")


def _gpu() -> Check:
    driver = driver_version(_read("/proc/driver/nvidia/version"))
    try:
        from runtime.engines.trt.cuda import Cuda

        device = Cuda().device()
    except (EngineError, ImportError) as error:
        # A GPU that can't be used is a fault; none is not: the CPU serves.
        if driver:
            return Check("gpu", "warning", f"driver {driver}, but {error}")
        return Check("gpu", "ok", f"none in use: {error}")
    return Check(
        "gpu",
        "ok",
        f"{device.name}, compute capability {device.capability}, driver {driver or 'unknown'}, "
        f"CUDA up to {device.cuda}",
    )


def _ffmpeg() -> Check:
    try:
        import av

        return Check("ffmpeg", "ok", f"{av.ffmpeg_version_info} in PyAV {av.__version__}")
    except ImportError as error:
        reason = str(error).splitlines()[0]
        return Check(
            "ffmpeg",
            "warning",
            f"none, so no files, streams and --output_video: `pip install av` ({reason})",
        )


def _display() -> Check:
    for variable in ("DISPLAY", "WAYLAND_DISPLAY"):
        if os.environ.get(variable):
            return Check("display", "ok", f"{variable}={os.environ[variable]}")
    return Check("display", "ok", "none: windows are left out")


def _cameras(devices: Sequence[Path]) -> Check:
    closed = [str(d) for d in devices if not os.access(d, os.R_OK | os.W_OK)]
    if closed:
        return Check(
            "cameras",
            "warning",
            f"{', '.join(closed)} can't be opened by you: `sudo usermod -aG video $USER`, "
            "then log in again",
        )
    nodes = {node.path: node for node in video_nodes()}
    cameras = [
        f"{device} {nodes[device].name}".rstrip() if device in nodes else str(device)
        for device in devices
        if device not in nodes or nodes[device].captures
    ]
    return Check("cameras", "ok", ", ".join(cameras) or "none at /dev/video*")


def _read(path: str) -> str:
    """Text of a file of the system's, empty where there is none."""
    try:
        return Path(path).read_text(errors="replace")
    except OSError:
        return ""

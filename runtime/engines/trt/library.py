"""TensorRT or TensorRT-RTX as it is installed here: import, log, GPU, targets.

Nothing here needs PyTorch, and nothing of it is imported before it is asked for.
"""

from __future__ import annotations

import functools
import importlib
import re
from types import ModuleType
from typing import Any

from runtime.engines.trt.cuda import Cuda
from runtime.errors import UserError

LIBRARIES = ("tensorrt", "tensorrt_rtx")

_WEIGHTS = re.compile(r"Total Weights Memory: (\d+) bytes")


class BuildLog:
    """What the library said: warnings are shown once, errors kept for the message."""

    def __init__(self) -> None:
        self.reset(verbose=False)

    def reset(self, verbose: bool) -> None:
        """Forgets the last build."""
        self.verbose = verbose
        self.errors: list[str] = []
        self.weights_mb: float | None = None
        self._shown: set[str] = set()

    def add(self, severity: str, message: str) -> None:
        """Takes one message; `severity` is the name of TensorRT's level."""
        text = " ".join(message.split())
        if severity in ("INTERNAL_ERROR", "ERROR"):
            # Without a driver each error drags this one behind it.
            if "catchCudaError" not in text:
                self.errors.append(text)
        elif found := _WEIGHTS.search(text):
            self.weights_mb = round(int(found[1]) / 1e6, 2)
        if self.verbose or (severity == "WARNING" and text not in self._shown):
            self._shown.add(text)
            print(f"{severity.lower()}: {text}", flush=True)

    def last_error(self) -> str:
        """The last error in one line."""
        return self.errors[-1] if self.errors else "it gave no reason"


def load_library(name: str) -> ModuleType:
    """Imports TensorRT or TensorRT-RTX.

    Args:
        name: One of `LIBRARIES`, or `auto` for the first that is installed.

    Raises:
        UserError: It isn't installed, can't be loaded or is too old.
    """
    for candidate in LIBRARIES if name == "auto" else (name,):
        try:
            library = importlib.import_module(candidate)
        except ModuleNotFoundError as error:
            if error.name == candidate:
                continue
            raise UserError(f"{candidate} can't be loaded ({error}); install it again") from error
        except (ImportError, OSError) as error:
            raise UserError(f"{candidate} can't be loaded ({error}); install it again") from error
        if candidate == "tensorrt" and int(library.__version__.split(".")[0]) < 10:
            raise UserError(f"TensorRT {library.__version__} is too old: 10 or newer is needed")
        return library
    missing = "neither tensorrt nor tensorrt_rtx" if name == "auto" else f"no {name}"
    raise UserError(
        f"{missing} is installed: take tensorrt (in JetPack, or pip install tensorrt) for a plan "
        "on the device that runs it, tensorrt-rtx (pip install tensorrt-rtx) to build without a GPU"
    )


def gpu_facts() -> dict[str, str | None]:
    """The current GPU's `gpu` (name), `compute_capability` and `driver`.

    All are None without a GPU or without `cuda-bindings`. The driver is named
    by the newest CUDA that it supports.
    """
    try:
        device = Cuda().device()
    except Exception:  # of the bindings' own, errors have no common base
        return {"gpu": None, "compute_capability": None, "driver": None}
    return {
        "gpu": device.name,
        "compute_capability": device.capability,
        "driver": f"CUDA {device.cuda}",
    }


def known_targets(library: ModuleType) -> dict[str, Any]:
    """Compute capabilities that TensorRT-RTX can build for, as `8.6` -> its enum value."""
    members = library.ComputeCapability.__members__
    numbers = {name: int(name[2:]) for name in members if name.startswith("SM")}
    return {f"{n // 10}.{n % 10}": members[name] for name, n in numbers.items()}


@functools.cache
def shared_logger(library: ModuleType) -> tuple[BuildLog, Any]:
    """The log of a library and the logger that fills it.

    One per process: the library ignores a second logger and goes on using the
    first, even a freed one.
    """
    log = BuildLog()

    class Logger(library.ILogger):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            library.ILogger.__init__(self)

        def log(self, severity: Any, message: str) -> None:
            log.add(severity.name, message)

    return log, Logger()

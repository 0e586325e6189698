"""TensorRT's builder: from an ONNX file to the bytes of a plan.

Serves TensorRT 10 and 11 and TensorRT-RTX alike. Precision is a property of
the graph, so networks are strongly typed. Needs no PyTorch and no `onnx`.
"""

from __future__ import annotations

import functools
import importlib
import os
import re
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from runtime.errors import UserError

LIBRARIES = ("tensorrt", "tensorrt_rtx")

_WEIGHTS = re.compile(r"Total Weights Memory: (\d+) bytes")


@dataclass(frozen=True, slots=True)
class BuildSettings:
    """How to build a plan.

    Attributes:
        profile: Smallest, best and largest batch.
        targets: Compute capabilities such as `8.6` to build for
            (TensorRT-RTX); empty for the GPU at hand.
        workspace_mb: Limit of a layer's scratch memory in MiB, or None.
        timing_cache: File with measured tactics to read and write, or None.
        tf32: Whether FP32 layers may compute in TF32.
        verbose: Whether to print everything that the library says.
    """

    profile: tuple[int, int, int]
    targets: Sequence[str] = ()
    workspace_mb: int | None = None
    timing_cache: Path | None = None
    tf32: bool = True
    verbose: bool = False


@dataclass(frozen=True, slots=True)
class BuiltPlan:
    """A plan in memory.

    Attributes:
        data: Its bytes, as a buffer.
        weights_mb: Memory of its weights in MB by the builder's log, or None.
        seconds: How long the build took.
    """

    data: Any
    weights_mb: float | None
    seconds: float


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
    facts: dict[str, str | None] = {"gpu": None, "compute_capability": None, "driver": None}
    try:
        from cuda.bindings import runtime as cuda

        results = [cuda.cudaGetDevice(), cuda.cudaDriverGetVersion()]
        if any(status.value for status, _ in results):
            return facts
        (_, device), (_, driver) = results
        status, gpu = cuda.cudaGetDeviceProperties(device)
    except Exception:  # not installed, or no driver to load: its errors have no common base
        return facts
    if status.value:
        return facts
    return {
        "gpu": gpu.name.decode(),
        "compute_capability": f"{gpu.major}.{gpu.minor}",
        "driver": f"CUDA {driver // 1000}.{driver % 1000 // 10}",
    }


def known_targets(library: ModuleType) -> dict[str, Any]:
    """Compute capabilities that TensorRT-RTX can build for, as `8.6` -> its enum value."""
    members = library.ComputeCapability.__members__
    numbers = {name: int(name[2:]) for name in members if name.startswith("SM")}
    return {f"{n // 10}.{n % 10}": members[name] for name, n in numbers.items()}


def build(library: ModuleType, onnx_file: Path, settings: BuildSettings) -> BuiltPlan:
    """Parses an ONNX file and builds a plan from it.

    Args:
        library: What `load_library` gave.
        onnx_file: Model whose only input is (batch, ...) with a free batch.
        settings: How to build.

    Raises:
        UserError: There is no GPU and the library needs one, or the parser or
            the builder refuses the graph.
    """
    log, logger = _logger(library)
    log.reset(settings.verbose)
    title = f"{library.__name__} {library.__version__}"
    try:
        builder = library.Builder(logger)
    except Exception as error:  # pybind11 raises a TypeError for a null pointer
        raise UserError(
            f"{title} found no GPU that it can build on ({log.last_error()}); build on the device, "
            "or check the graph without one: pip install tensorrt-rtx, --library tensorrt_rtx"
        ) from error
    start = time.monotonic()
    with _interruptible():
        print(f"parsing with {title}", flush=True)
        network = _parse(library, builder, logger, onnx_file)
        config = builder.create_builder_config()
        _configure(library, config, settings)
        profile = builder.create_optimization_profile()
        entry = network.get_input(0)
        sides = tuple(entry.shape)[1:]
        profile.set_shape(entry.name, *((batch, *sides) for batch in settings.profile))
        if config.add_optimization_profile(profile) < 0:
            raise UserError(f"{onnx_file}: {title} refused the profile: {log.last_error()}")
        print("building; this takes minutes on a Jetson", flush=True)
        data = builder.build_serialized_network(network, config)
    if data is None:
        raise UserError(f"{onnx_file}: {title} could not build it: {log.last_error()}")
    _save_cache(config, settings.timing_cache)
    return BuiltPlan(data, log.weights_mb, round(time.monotonic() - start, 1))


@functools.cache
def _logger(library: ModuleType) -> tuple[BuildLog, Any]:
    """One per process: the library ignores a second one, and uses the first though freed."""
    log = BuildLog()

    class Logger(library.ILogger):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            library.ILogger.__init__(self)

        def log(self, severity: Any, message: str) -> None:
            log.add(severity.name, message)

    return log, Logger()


def _parse(library: ModuleType, builder: Any, logger: Any, onnx_file: Path) -> Any:
    flags = library.NetworkDefinitionCreationFlag
    # A version without the flag has no other kind of network.
    typed = 1 << int(flags.STRONGLY_TYPED) if hasattr(flags, "STRONGLY_TYPED") else 0
    network = builder.create_network(typed)
    parser = library.OnnxParser(network, logger)
    if not parser.parse_from_file(str(onnx_file)):
        raise UserError(
            f"{onnx_file}: {library.__name__} {library.__version__} can't take "
            f"{_parser_error(parser)}; export it again with `python -m export`"
        )
    sides = [network.get_input(i).shape[0] for i in range(network.num_inputs)]
    sides += [network.get_output(i).shape[0] for i in range(network.num_outputs)]
    if any(side != -1 for side in sides):
        raise UserError(f"{onnx_file}: a batch is baked into it; export it with a dynamic batch")
    return network


def _parser_error(parser: Any) -> str:
    """Node and reason of the first error, without the source lines of the library."""
    if not parser.num_errors:
        return "the file, and gives no reason"
    error = parser.get_error(0)
    reasons = [
        re.sub(r" In \w+ at /.*", ")", line)
        for line in error.desc().splitlines()
        if "catchCudaError" not in line and not line.startswith("Invalid Node")
    ]
    where = error.node_name() or f"number {error.node()}"
    return f"{error.node_operator() or 'node'} {where!r}: {' '.join(reasons) or 'no reason given'}"


def _configure(library: ModuleType, config: Any, settings: BuildSettings) -> None:
    if settings.workspace_mb is not None:
        pool = library.MemoryPoolType.WORKSPACE
        config.set_memory_pool_limit(pool, settings.workspace_mb << 20)
    if not settings.tf32:
        config.clear_flag(library.BuilderFlag.TF32)
    if library.__name__ == "tensorrt_rtx":
        known = known_targets(library)
        chosen = [known[t] for t in settings.targets] or [library.ComputeCapability.CURRENT]
        config.num_compute_capabilities = len(chosen)
        for i, target in enumerate(chosen):
            config.set_compute_capability(target, i)
    elif settings.timing_cache is not None:
        _load_cache(config, settings.timing_cache)


def _load_cache(config: Any, path: Path) -> None:
    """A cache of another version or GPU is refused by TensorRT; a new one then starts."""
    if path.is_file():
        cache = config.create_timing_cache(path.read_bytes())
        if cache is not None and config.set_timing_cache(cache, ignore_mismatch=False):
            return
        print(f"{path}: made by another TensorRT or GPU; starting a new timing cache", flush=True)
    config.set_timing_cache(config.create_timing_cache(b""), ignore_mismatch=False)


def _save_cache(config: Any, path: Path | None) -> None:
    """The next build is only slower without it, so a failure is no error."""
    cache = config.get_timing_cache() if path is not None else None
    if path is None or cache is None:
        return
    staged = path.with_name(f"{path.name}.partial")
    try:
        staged.write_bytes(cache.serialize())
        os.replace(staged, path)
    except OSError as error:
        staged.unlink(missing_ok=True)
        print(f"{path}: not written ({error.strerror or error})", flush=True)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Lets Ctrl-C end the process during a build, when nothing has been written yet.

    Python's handler would raise inside a callback of the builder, which
    swallows the exception and builds on for minutes (measured on RTX 1.7.1).
    """
    ours = (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    )
    if ours:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        if ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)

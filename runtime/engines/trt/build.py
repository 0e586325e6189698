"""TensorRT's builder: from an ONNX file to the bytes of a plan.

Serves TensorRT 10 and 11 and TensorRT-RTX alike. Precision is a property of
the graph, so networks are strongly typed. Needs no PyTorch and no `onnx`.
"""

from __future__ import annotations

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

from runtime.engines.trt.library import known_targets, shared_logger
from runtime.errors import UserError, in_checkout
from runtime.support.files.writing import replacing


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


@dataclass(frozen=True, slots=True, eq=False)
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
    log, logger = shared_logger(library)
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
        # The parser owns the weights: it must outlive the build.
        network, parser = _parse(library, builder, logger, onnx_file)
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
        del parser
    if data is None:
        hint = "; leave 7.5 out of --targets" if "SM75" in log.last_error() else ""
        raise UserError(f"{onnx_file}: {title} could not build it: {log.last_error()}{hint}")
    _save_cache(config, settings.timing_cache)
    return BuiltPlan(data, log.weights_mb, round(time.monotonic() - start, 1))


def _parse(library: ModuleType, builder: Any, logger: Any, onnx_file: Path) -> tuple[Any, Any]:
    flags = library.NetworkDefinitionCreationFlag
    # A version without the flag has no other kind of network.
    typed = 1 << int(flags.STRONGLY_TYPED) if hasattr(flags, "STRONGLY_TYPED") else 0
    network = builder.create_network(typed)
    parser = library.OnnxParser(network, logger)
    if not parser.parse_from_file(str(onnx_file)):
        raise UserError(
            f"{onnx_file}: {library.__name__} {library.__version__} can't take "
            f"{_parser_error(parser)}; export it again with {in_checkout('export')}"
        )
    sides = [network.get_input(i).shape[0] for i in range(network.num_inputs)]
    sides += [network.get_output(i).shape[0] for i in range(network.num_outputs)]
    if any(side != -1 for side in sides):
        raise UserError(f"{onnx_file}: a batch is baked into it; export it with a dynamic batch")
    return network, parser


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
    try:
        with replacing(path) as staged:
            staged.write_bytes(cache.serialize())
    except OSError as error:
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

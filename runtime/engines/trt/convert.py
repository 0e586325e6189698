"""An ONNX file with its manifest becomes a TensorRT plan with its own.

Both `--rebuild` and `python -m export.to_plan` use it. It needs TensorRT and the
runtime, not PyTorch and not `onnx`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from runtime.engines.factory import read_manifest
from runtime.engines.publishing import publish
from runtime.engines.trt.build import BuildSettings, BuiltPlan, build
from runtime.engines.trt.library import gpu_facts, known_targets, load_library
from runtime.errors import UserError, in_checkout
from runtime.manifest import Manifest, file_hash


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """A plan to build.

    Attributes:
        source: The ONNX file.
        output: Where the plan goes.
        profile: Smallest, best and largest batch.
        library: One of `LIBRARIES`, or `auto`.
        targets: Compute capabilities to build for (TensorRT-RTX); None for the GPU at
            hand, or all but Turing's where there is none.
        workspace_mb: Limit of a layer's scratch memory in MiB, or None.
        timing_cache: File with measured tactics to read and write, or None.
        verbose: Whether to print everything that TensorRT says.
    """

    source: Path
    output: Path
    profile: tuple[int, int, int] = (1, 8, 16)
    library: str = "auto"
    targets: Sequence[str] | None = None
    workspace_mb: int | None = None
    timing_cache: Path | None = None
    verbose: bool = False


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of the process that `--rebuild` starts: an ONNX file and a plan."""
    source, output = argv or ()
    convert(PlanRequest(Path(source), Path(output)))
    return 0


def convert(
    request: PlanRequest, check: Callable[[Path, ModuleType], None] | None = None
) -> BuiltPlan:
    """Builds a plan and publishes it with its manifest; it is parsed and built, not run.

    Args:
        request: What to build.
        check: Judges the ONNX file before the build, for the library that is to build.

    Raises:
        UserError: The ONNX file can't become a plan, TensorRT is missing or
            refuses it, or the plan can't be written.
        ManifestError: The ONNX file has no manifest, or contradicts it.
    """
    source, profile = request.source, request.profile
    if not 1 <= profile[0] <= profile[1] <= profile[2]:
        raise UserError(
            f"--min_batch {profile[0]}, --opt_batch {profile[1]}, --max_batch {profile[2]}: "
            "each must be 1 or more and no larger than the next"
        )
    library = load_library(request.library)
    facts, targets = _target(library, request.targets)
    if check is not None:
        check(source, library)
    manifest = _read_manifest(source)
    if library.__name__ == "tensorrt_rtx" and request.timing_cache is not None:
        print("--timing_cache is not used: tensorrt_rtx measures nothing when it builds")
    settings = BuildSettings(
        profile=profile,
        targets=targets,
        workspace_mb=request.workspace_mb,
        timing_cache=request.timing_cache,
        # The proof of an FP32 model is of FP32; who wants speed takes FP16.
        tf32=manifest.precision != "fp32",
        verbose=request.verbose,
    )
    where = facts["gpu"] or (
        f"compute capabilities {', '.join(targets)}" if targets else "the GPU at hand"
    )
    print(f"{source}: {manifest.precision}, to a plan for {where}", flush=True)
    # What is built from is what the plan's manifest will name.
    digest = file_hash(source)
    built = build(library, source, settings)
    record = _record(library, facts, targets, profile, digest, built)
    publish(built.data, replace(manifest, sha256=None, plan=record), request.output)
    weights = "" if built.weights_mb is None else f", weights {built.weights_mb} MB"
    print(
        f"{request.output}: {manifest.precision} plan, "
        f"{request.output.stat().st_size / 1e6:.1f} MB{weights}, "
        f"batch {profile[0]} to {profile[2]}, {built.seconds} s; parsed and built, not run"
    )
    return built


def _target(
    library: ModuleType, wanted: Sequence[str] | None
) -> tuple[dict[str, str | None], tuple[str, ...]]:
    """The GPU's facts and no targets, or targets and no facts."""
    facts = gpu_facts()
    if library.__name__ != "tensorrt_rtx":
        if wanted is not None:
            raise UserError(
                "--targets is for --library tensorrt_rtx: tensorrt builds for the GPU at hand"
            )
        return facts, ()
    if wanted is None and facts["gpu"] is not None:
        return facts, ()
    known = known_targets(library)
    # Turing has no FP32 matrix product in RTX (so no FP32 LSTM), and with it among
    # the targets an FP16 plan holds a third more weights for all of them.
    chosen = [t for t in known if t != "7.5"] if wanted is None else wanted
    targets = tuple(dict.fromkeys(chosen))
    for target in targets:
        if target not in known:
            raise UserError(
                f"--targets {target!r}: {library.__name__} {library.__version__} builds for "
                f"{', '.join(known)}"
            )
    return dict.fromkeys(facts), targets


def _read_manifest(source: Path) -> Manifest:
    """Refuses an ONNX file that the runtime itself would refuse, or that is for the CPU."""
    manifest = read_manifest(source)
    if manifest.quantization.get("target") == "cpu":
        raise UserError(
            f"{source}: INT8 for the CPU; a plan needs the one for TensorRT "
            f"({in_checkout('export --precision int8')})"
        )
    return manifest


def _record(
    library: ModuleType,
    facts: dict[str, str | None],
    targets: Sequence[str],
    profile: tuple[int, int, int],
    source_hash: str,
    built: BuiltPlan,
) -> dict[str, Any]:
    """What `Manifest.plan` says of the plan."""
    plan = {
        "library": library.__name__,
        "version": library.__version__,
        **facts,
        "profile": dict(zip(("min", "opt", "max"), profile, strict=True)),
        "onnx_sha256": source_hash,
        "weights_mb": built.weights_mb,
        "build_s": built.seconds,
        "ran": False,
    }
    if targets:
        plan["compute_capability"] = list(targets)
    return plan

"""`python -m export.to_plan`: an exported ONNX file as a TensorRT plan with its manifest.

Runs on the device too: it needs TensorRT and the runtime, not PyTorch.
"""

from __future__ import annotations

import importlib.util
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from export.publish import write_whole
from runtime.engines.factory import read_manifest
from runtime.engines.trt.build import BuildSettings, BuiltPlan, build
from runtime.engines.trt.library import LIBRARIES, gpu_facts, known_targets, load_library
from runtime.errors import UserError
from runtime.manifest import Manifest, file_hash, sidecar_path
from runtime.support.cli import option, parse_options, run_command
from runtime.support.files.writing import check_apart, check_writable

PROG = "python -m export.to_plan"

_SUFFIXES = (".plan", ".engine")


@dataclass
class PlanOptions:
    """Build a TensorRT plan from an ONNX file that `python -m export` wrote."""

    onnx: str = option("ONNX file with its manifest")
    output: str | None = option("plan to write; else beside the ONNX file", None)
    min_batch: int = option("smallest batch that the plan takes", 1, between=(1, math.inf))
    opt_batch: int = option("batch that it is tuned for", 8, between=(1, math.inf))
    max_batch: int = option("largest batch that it takes", 16, between=(1, math.inf))
    workspace_mb: int | None = option(
        "limit of a layer's scratch memory in MiB; else TensorRT's own", None, between=(1, math.inf)
    )
    timing_cache: str | None = option("file of measured tactics, read and written", None)
    library: str = option("what builds it", "auto", choices=("auto", *LIBRARIES))
    targets: str | None = option(
        "comma list of compute capabilities such as 8.6,8.9 (tensorrt_rtx); "
        "else the GPU at hand, or all but Turing's 7.5 where there is none",
        None,
    )
    verbose: bool = option("print everything that TensorRT says", False)


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    build_plan(parse_options(PlanOptions, PROG, argv))
    return 0


def build_plan(options: PlanOptions) -> Path:
    """Builds a plan as the options say; it is parsed and built, not run.

    Returns:
        Path of the plan.

    Raises:
        UserError: The ONNX file can't become a plan, TensorRT is missing or
            refuses it, or the plan can't be written.
        ManifestError: The ONNX file has no manifest, or contradicts it.
    """
    source, output = _paths(options)
    profile = _profile(options)
    library = load_library(options.library)
    facts, targets = _target(library, options.targets)
    manifest = _read_manifest(source, library)
    if library.__name__ == "tensorrt_rtx" and options.timing_cache is not None:
        print("--timing_cache is not used: tensorrt_rtx measures nothing when it builds")
    settings = BuildSettings(
        profile=profile,
        targets=targets,
        workspace_mb=options.workspace_mb,
        timing_cache=None if options.timing_cache is None else Path(options.timing_cache),
        # The proof of an FP32 model is of FP32; who wants speed takes FP16.
        tf32=manifest.precision != "fp32",
        verbose=options.verbose,
    )
    where = facts["gpu"] or (
        f"compute capabilities {', '.join(targets)}" if targets else "the GPU at hand"
    )
    print(f"{source}: {manifest.precision}, to a plan for {where}", flush=True)
    built = build(library, source, settings)
    record = _record(library, facts, targets, profile, source, built)
    write_whole(built.data, replace(manifest, **record), output)
    weights = "" if built.weights_mb is None else f", weights {built.weights_mb} MB"
    print(
        f"{output}: {manifest.precision} plan, {output.stat().st_size / 1e6:.1f} MB{weights}, "
        f"batch {profile[0]} to {profile[2]}, {built.seconds} s; parsed and built, not run"
    )
    return output


def _paths(options: PlanOptions) -> tuple[Path, Path]:
    """The ONNX file and the plan, checked before anything slow."""
    source = Path(options.onnx)
    if source.suffix != ".onnx":
        raise UserError(
            f"--onnx {source}: must be an .onnx file; make one with "
            "`python -m export --checkpoint C --output_dir O`"
        )
    if not source.is_file():
        raise UserError(f"--onnx {source}: no such file")
    output = source.with_suffix(".plan") if options.output is None else Path(options.output)
    if output.suffix not in _SUFFIXES:
        raise UserError(f"--output {output}: the runtime knows plans by .plan or .engine")
    cache = options.timing_cache
    check_apart({"--output": str(output), "--timing_cache": cache}, [source, sidecar_path(source)])
    check_writable(output, "--output")
    if cache is not None:
        check_writable(Path(cache), "--timing_cache")
    return source, output


def _profile(options: PlanOptions) -> tuple[int, int, int]:
    profile = (options.min_batch, options.opt_batch, options.max_batch)
    if not 1 <= profile[0] <= profile[1] <= profile[2]:
        raise UserError(
            f"--min_batch {profile[0]}, --opt_batch {profile[1]}, --max_batch {profile[2]}: "
            "each must be 1 or more and no larger than the next"
        )
    return profile


def _target(
    library: ModuleType, wanted: str | None
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
    chosen = [t for t in known if t != "7.5"] if wanted is None else wanted.split(",")
    targets = tuple(dict.fromkeys(chosen))
    for target in targets:
        if target not in known:
            raise UserError(
                f"--targets {target!r}: {library.__name__} {library.__version__} builds for "
                f"{', '.join(known)}"
            )
    return dict.fromkeys(facts), targets


def _read_manifest(source: Path, library: ModuleType) -> Manifest:
    """Refuses an ONNX file that TensorRT, or the runtime itself, would refuse."""
    if importlib.util.find_spec("onnx") is None:
        print("onnx is not installed: TensorRT's parser alone checks the graph", flush=True)
    else:
        from export.graph.checks import check_file

        check_file(source, _newest_opset(library))
    manifest = read_manifest(source)
    if manifest.quantization.get("target") == "cpu":
        raise UserError(
            f"{source}: INT8 for the CPU; a plan needs the one for TensorRT "
            "(python -m export --precision int8)"
        )
    return manifest


def _newest_opset(library: ModuleType) -> int:
    """By onnx-tensorrt's docs/operators.md: 20 in 10.0, 24 in 10.15 and 11.2."""
    version = tuple(int(part) for part in library.__version__.split(".")[:2])
    return 20 if library.__name__ == "tensorrt" and version < (10, 15) else 24


def _record(
    library: ModuleType,
    facts: dict[str, str | None],
    targets: Sequence[str],
    profile: tuple[int, int, int],
    source: Path,
    built: BuiltPlan,
) -> dict[str, Any]:
    """The fields of a plan's manifest that aren't the ONNX file's own."""
    plan = {
        "library": library.__name__,
        "version": library.__version__,
        **facts,
        "profile": dict(zip(("min", "opt", "max"), profile, strict=True)),
        "onnx_sha256": file_hash(source),
        "weights_mb": built.weights_mb,
        "build_s": built.seconds,
        "ran": False,
    }
    if targets:
        plan["compute_capability"] = list(targets)
    return {"sha256": None, "plan": plan}


if __name__ == "__main__":
    sys.exit(run_command(main, None))

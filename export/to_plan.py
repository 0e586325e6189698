"""`python -m export.to_plan`: an exported ONNX file as a TensorRT plan with its manifest.

Runs on the device too: it needs TensorRT and the runtime, not PyTorch.
"""

from __future__ import annotations

import importlib.util
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from runtime.engines.package import PLANS
from runtime.engines.trt.convert import PlanRequest, convert
from runtime.engines.trt.library import LIBRARIES
from runtime.errors import UserError
from runtime.manifest import sidecar_path
from runtime.support.cli import option, parse_options, run_command
from runtime.support.files.inputs import check_apart
from runtime.support.files.writing import check_writable

PROG = "python -m export.to_plan"


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
    request = PlanRequest(
        source=source,
        output=output,
        profile=(options.min_batch, options.opt_batch, options.max_batch),
        library=options.library,
        targets=None if options.targets is None else options.targets.split(","),
        workspace_mb=options.workspace_mb,
        timing_cache=None if options.timing_cache is None else Path(options.timing_cache),
        verbose=options.verbose,
    )
    convert(request, _check_graph)
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
    if output.suffix not in PLANS:
        raise UserError(f"--output {output}: the runtime knows plans by .plan or .engine")
    cache = options.timing_cache
    check_apart({"--output": str(output), "--timing_cache": cache}, [source, sidecar_path(source)])
    check_writable(output, "--output")
    if cache is not None:
        check_writable(Path(cache), "--timing_cache")
    return source, output


def _check_graph(source: Path, library: ModuleType) -> None:
    """Refuses a graph that TensorRT would refuse, where `onnx` is there to tell."""
    if importlib.util.find_spec("onnx") is None:
        print("onnx is not installed: TensorRT's parser alone checks the graph", flush=True)
    else:
        from export.graph.checks import check_file

        check_file(source, _newest_opset(library))


def _newest_opset(library: ModuleType) -> int:
    """By onnx-tensorrt's docs/operators.md: 20 in 10.0, 24 in 10.15 and 11.2."""
    version = tuple(int(part) for part in library.__version__.split(".")[:2])
    return 20 if library.__name__ == "tensorrt" and version < (10, 15) else 24


if __name__ == "__main__":
    sys.exit(run_command(main, None))

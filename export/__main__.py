"""`python -m export`: a checkpoint as a verified ONNX artifact with its manifest."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from runtime.errors import UserError
from runtime.options import option, parse_options, run_command
from runtime.outputs import check_writable
from train.datasets import DATASETS

PROG = "python -m export"
PRECISIONS = ("fp32", "fp16", "int8")


@dataclass
class ExportOptions:
    """Export a checkpoint to ONNX and prove that it still computes the same."""

    checkpoint: str = option("checkpoint that train.fit wrote (.safetensors)")
    output_dir: str = option("where the artifacts go")
    name: str = option("file name of the artifacts, without suffix", "emotion")
    precision: str = option("comma list of precisions; this version builds fp32", "fp32")
    data_dir: str | None = option("data set with faces for the proof; else the built-in demo", None)
    dataset: str = option("its layout", "ferplus", choices=DATASETS)
    split: str = option("its part", "valid", choices=("train", "valid", "test"))
    samples: int = option("how many of its faces to compare", 256)
    max_difference: float = option(
        "largest difference of a probability to accept", 1e-4, between=(0, math.inf)
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    options = parse_options(ExportOptions, PROG, argv)
    _check(options)
    export(options)
    return 0


def export(options: ExportOptions) -> Path:
    """Exports as the options say.

    Returns:
        Path of the ONNX file.

    Raises:
        UserError: The checkpoint, the faces or the folder can't be used, or
            the ONNX model differs from the network by more than the limit.
    """
    import torch

    from export.to_onnx import to_onnx, write_artifact
    from export.verify import data_inputs, demo_inputs, prove
    from train.checkpoint import load_checkpoint, tool_versions

    # Batches of 1 to 8 gain little from threads, and lose a factor of 50 where
    # PyTorch's pool waits for a core that another process holds.
    torch.set_num_threads(1)
    start = time.monotonic()
    net, manifest = load_checkpoint(Path(options.checkpoint))
    spec, model = manifest.preprocess, manifest.model
    print(
        f"{options.checkpoint}: {model['backbone']}, {model['model_type']}, {spec.size} px "
        f"{spec.color}, {len(manifest.labels)} labels",
        flush=True,
    )
    if options.data_dir is None:
        inputs, origin = demo_inputs(spec)
    else:
        root = Path(options.data_dir)
        inputs, origin = data_inputs(root, options.dataset, options.split, options.samples, spec)
    print("tracing to ONNX and simplifying", flush=True)
    graph = to_onnx(net, spec.size)
    print(f"{len(graph.graph.node)} nodes after {time.monotonic() - start:.1f} s", flush=True)
    print(f"comparing with PyTorch on {len(inputs)} faces ({origin})", flush=True)
    proof = prove(net, graph, inputs, origin, manifest.temperature, options.max_difference)
    print(f"largest difference of a probability: {proof['max_difference']}", flush=True)
    tools = tool_versions("torch", "timm", "onnx", "onnxscript", "onnxsim", "onnxruntime")
    manifest = replace(manifest, precision="fp32", sha256=None, proof=proof, tools=tools)
    path = Path(options.output_dir) / f"{options.name}.onnx"
    write_artifact(graph, manifest, path)
    print(
        f"{path}: fp32, {path.stat().st_size / 1e6:.1f} MB, with its manifest in "
        f"{path.with_suffix('.json').name} ({time.monotonic() - start:.1f} s)"
    )
    return path


def _check(options: ExportOptions) -> None:
    """Fails before the slow part starts."""
    for precision in options.precision.split(","):
        if precision not in PRECISIONS:
            raise UserError(
                f"--precision {precision!r}: the precisions are {', '.join(PRECISIONS)}"
            )
        if precision != "fp32":
            raise UserError(f"--precision {precision}: not built yet; this version exports fp32")
    if not options.name or Path(options.name).name != options.name:
        raise UserError(f"--name must be a plain file name, not {options.name!r}")
    check_writable(Path(options.output_dir) / f"{options.name}.onnx", "--output_dir")


if __name__ == "__main__":
    sys.exit(run_command(main, None))

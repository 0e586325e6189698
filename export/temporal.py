"""`python -m export.temporal`: a temporal head as the ONNX file that the runtime takes."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from runtime.manifest import file_hash
from runtime.support.cli import option, parse_options, run_command
from runtime.support.files.inputs import check_apart
from runtime.support.files.writing import check_writable
from train.threads import use_threads

PROG = "python -m export.temporal"

#: Windows that the proof compares.
_WINDOWS = 64


@dataclass
class HeadExportOptions:
    """Export a temporal head to ONNX, and prove that it computes the same."""

    head: str = option("head that train.temporal wrote (.safetensors)")
    output: str = option("ONNX file to write; its manifest goes beside it")
    max_difference: float = option(
        "largest difference of a probability to accept", 1e-5, between=(0, math.inf)
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    export(parse_options(HeadExportOptions, PROG, argv))
    return 0


def export(options: HeadExportOptions) -> Path:
    """Exports as the options say.

    Returns:
        Path of the ONNX file.

    Raises:
        UserError: The head or the output can't be used, or the two differ.
    """
    from export.graph.checks import check_graph
    from export.graph.to_onnx import trace, write_artifact
    from export.verification.outputs import prove
    from runtime.errors import UserError
    from train.checkpoint import tool_versions
    from train.temporal.head import load_head

    use_threads(1)
    output = Path(options.output)
    if output.suffix != ".onnx":
        raise UserError(f"--output {output}: must be an .onnx file")
    check_apart({"--output": options.output}, [options.head])
    check_writable(output, "--output")
    net, manifest = load_head(Path(options.head))
    if net.options.features:
        raise UserError(
            f"--head {options.head}: reads the network's features, which the runtime doesn't have"
        )
    shape = (net.options.steps, len(manifest.labels))
    model = trace(net, shape)
    check_graph(model)
    windows = made_windows(*shape)
    proof = prove(net, model, windows, "made windows", manifest.temperature, options.max_difference)
    tools = {**manifest.tools, **tool_versions("torch", "onnx", "onnxscript", "onnxsim")}
    checkpoint = Path(options.head)
    provenance = {"checkpoint": file_hash(checkpoint), "file": checkpoint.name}
    described = replace(manifest, proof=proof, tools=tools, provenance=provenance)
    write_artifact(model, described, output)
    print(
        f"{output}: {output.stat().st_size / 1e3:.0f} kB, window {shape[0]} x {shape[1]}, largest "
        f"difference of a probability {proof['max_difference']}"
    )
    return output


def made_windows(steps: int, classes: int) -> NDArray[np.float32]:
    """Makes (64, steps, C) random probabilities; in half of them the track begins later."""
    rng = np.random.default_rng(0)
    windows = rng.dirichlet(np.full(classes, 0.3), (_WINDOWS, steps)).astype(np.float32)
    for window in windows[::2]:
        window[: int(rng.integers(steps))] = 0
    return windows


if __name__ == "__main__":
    sys.exit(run_command(main, None))

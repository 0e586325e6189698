"""`python -m export.layers`: where two artifacts of one network part, layer by layer.

Polygraphy runs both with every tensor an output. Meant for the day on which
the gate refuses an artifact: the first layer that moves far is where to look.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from runtime.errors import UserError
from runtime.support.cli import option, parse_options, run_command
from train.datasets.catalogue import DATASETS

PROG = "python -m export.layers"


@dataclass
class LayersOptions:
    """Compare every tensor of an artifact with another's, on real faces."""

    reference: str = option("ONNX file to compare with, the fp32 one")
    candidate: str = option("ONNX file of less precision, of the same network")
    data_dir: str | None = option("data set with faces; else the built-in demo", None)
    dataset: str = option("its layout", "ferplus", choices=DATASETS)
    samples: int = option("how many of its faces", 32, between=(8, math.inf))
    worst: int = option("tensors to print", 15, between=(1, math.inf))


@dataclass(frozen=True)
class Difference:
    """How far one tensor moved.

    Attributes:
        tensor: Its name.
        relative: Mean absolute difference over the mean absolute value.
        largest: Largest absolute difference.
    """

    tensor: str
    relative: float
    largest: float


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    options = parse_options(LayersOptions, PROG, argv)
    found = compare_layers(options)
    print(f"{len(found)} tensors stand in both, in the graph's order the first that moved by 1%:")
    first = next((d for d in found if not d.relative < 0.01), None)
    print("  none" if first is None else _line(first))
    print(f"the {min(options.worst, len(found))} that moved most:")
    for difference in sorted(found, key=lambda d: -d.relative)[: options.worst]:
        print(_line(difference))
    return 0


def compare_layers(options: LayersOptions) -> list[Difference]:
    """Measures how far all tensors that both graphs have differ, in the reference's order.

    Raises:
        UserError: An artifact or the faces can't be used, or they share no tensor.
        ManifestError: An artifact has no manifest.
    """
    from calibration.samples import held_out_inputs
    from export.verification.outputs import demo_inputs
    from runtime.engines.factory import read_manifest

    manifests = [read_manifest(Path(name)) for name in (options.reference, options.candidate)]
    if manifests[0].preprocess != manifests[1].preprocess:
        raise UserError(f"--candidate {options.candidate}: takes other inputs than the reference")
    if options.data_dir is None:
        inputs, _, _ = demo_inputs(manifests[0].preprocess)
    else:
        inputs, _, _ = held_out_inputs(
            Path(options.data_dir), options.dataset, "valid", options.samples, manifests[0]
        )
    before, after = (_run(Path(name), inputs) for name in (options.reference, options.candidate))
    # A tensor that is quantized goes on as what comes back: only that is clipped.
    after = {name: after.get(f"{name}_DequantizeLinear_Output", after[name]) for name in after}
    shared = [name for name in before if name in after and before[name].shape == after[name].shape]
    if len(shared) < 2:
        raise UserError(f"--candidate {options.candidate}: is of another network")
    differences = []
    for name in shared:
        ours, theirs = (np.asarray(part[name], np.float64) for part in (before, after))
        gap = np.abs(ours - theirs)
        scale = max(float(np.abs(ours).mean()), 1e-12)
        differences.append(Difference(name, float(gap.mean()) / scale, float(gap.max())))
    return differences


def _run(path: Path, inputs: np.ndarray) -> dict[str, np.ndarray]:
    """Runs a graph; gives every tensor by name, in its order."""
    import onnx
    from polygraphy import constants
    from polygraphy.backend.onnx import BytesFromOnnx, ModifyOutputs
    from polygraphy.backend.onnxrt import OnnxrtRunner, SessionFromOnnx
    from polygraphy.logger import G_LOGGER

    from export.graph.precision import widened

    model = onnx.load(path)
    if any(node.op_type == "QuantizeLinear" for node in model.graph.node):
        # See `export.graph.precision.widened`.
        model = widened(model)
    with G_LOGGER.verbosity(G_LOGGER.CRITICAL):
        marked = ModifyOutputs(model, outputs=constants.MARK_ALL)
        with OnnxrtRunner(SessionFromOnnx(BytesFromOnnx(marked))) as runner:
            outputs = runner.infer({"input": inputs})
    order = [name for node in model.graph.node for name in node.output if name in outputs]
    return {name: np.asarray(outputs[name]) for name in order if outputs[name].dtype.kind == "f"}


def _line(difference: Difference) -> str:
    return (
        f"  {difference.tensor}: {difference.relative:.2%} of its size, "
        f"{difference.largest:.3g} at most"
    )


if __name__ == "__main__":
    sys.exit(run_command(main, None))

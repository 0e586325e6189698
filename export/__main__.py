"""`python -m export`: a checkpoint as verified artifacts with their manifests."""

from __future__ import annotations

import importlib.util
import math
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from calibration.calibration_set import CalibrationOptions
from runtime.errors import UserError
from runtime.manifest import EMBEDDING, file_hash, sidecar_path
from runtime.manifest_fields import Output
from runtime.support.cli import option, parse_options, run_command
from runtime.support.files.writing import check_writable
from train.datasets.catalogue import DATASETS
from train.threads import use_threads

if TYPE_CHECKING:
    from export.artifacts import Artifact

PROG = "python -m export"
PRECISIONS = ("fp32", "fp16", "int8", "tflite")


@dataclass(kw_only=True)
class ExportOptions(CalibrationOptions):
    """Export a checkpoint to ONNX, and to TensorRT plans, and prove each on real faces."""

    checkpoint: str = option("checkpoint that train.fit wrote (.safetensors)")
    output_dir: str = option("where the artifacts go")
    name: str = option("file name of the artifacts, without suffix", "emotion")
    precision: str = option(
        "comma list of fp32, fp16, int8 (a file for TensorRT, one for the CPU), tflite (phones)",
        "fp32",
    )
    data_dir: str | None = option("data set with faces for the proof; else the built-in demo", None)
    dataset: str = option("its layout", "ferplus", choices=DATASETS)
    split: str = option("its part", "valid", choices=("train", "valid", "test"))
    samples: int = option(
        "how many of its faces to compare; 0 takes all", 1024, between=(0, math.inf)
    )
    max_difference: float = option(
        "largest difference of an FP32 probability to accept", 1e-4, between=(0, math.inf)
    )
    max_accuracy_drop: float = option(
        "points of accuracy that an INT8 artifact may lose", 0.5, between=(0, 100)
    )
    float_layers: list[str] = option(
        "layers that INT8 leaves in float (python -m calibration.sensitivity names them)", []
    )
    plan: bool = option("build TensorRT plans as well (see python -m export.to_plan)", False)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    options = parse_options(ExportOptions, PROG, argv)
    _check(options)
    export(options)
    return 0


def export(options: ExportOptions) -> Path:
    """Exports as the options say; what was published before a failure stays.

    Returns:
        Path of the first artifact.

    Raises:
        UserError: The checkpoint, the faces or the folder can't be used, an
            artifact differs from the network by more than its limit, or a
            plan can't be built.
    """
    from calibration.fidelity import HeldOutSet
    from calibration.ranges import get_ranges
    from calibration.samples import held_out_inputs
    from export.artifacts import Artifact, make_fp16, make_int8, make_tflite
    from export.graph.embedding import with_embedding
    from export.graph.to_onnx import to_onnx
    from export.verification.embedding import prove_embedding
    from export.verification.outputs import BATCHES, demo_inputs, prove
    from train.checkpoint import load_checkpoint, tool_versions
    from train.inference import input_logits
    from train.torch_engine import TorchEngine

    use_threads(1)
    start = time.monotonic()
    precisions = options.precision.split(",")
    net, manifest = load_checkpoint(Path(options.checkpoint))
    spec, model = manifest.preprocess, manifest.model
    print(
        f"{options.checkpoint}: {model['backbone']}, {model['model_type']}, {spec.size} px "
        f"{spec.color}, {len(manifest.labels)} labels",
        flush=True,
    )
    if options.data_dir is None:
        inputs, majority, origin = demo_inputs(spec)
    else:
        root = Path(options.data_dir)
        inputs, majority, origin = held_out_inputs(
            root, options.dataset, options.split, options.samples, manifest
        )
    print("tracing to ONNX and simplifying", flush=True)
    graph = to_onnx(net, spec.size)
    print(f"{len(graph.graph.node)} nodes after {time.monotonic() - start:.1f} s", flush=True)
    print(f"comparing with PyTorch on {len(inputs)} faces ({origin})", flush=True)
    whole = with_embedding(graph)
    proof = prove(net, whole, inputs, origin, manifest.temperature, options.max_difference)
    proof |= prove_embedding(net, whole, inputs, "fp32")
    print(f"largest difference of a probability: {proof['max_difference']}", flush=True)
    tools = tool_versions(
        *("torch", "timm", "onnx", "onnxscript", "onnxsim", "onnxruntime"),
        "onnxconverter-common",
    )
    checkpoint = Path(options.checkpoint)
    manifest = replace(
        manifest,
        precision="fp32",
        sha256=None,
        proof=proof,
        tools=tools,
        outputs={EMBEDDING: Output(EMBEDDING, (net.head.in_features,))},
        provenance={"checkpoint": file_hash(checkpoint), "file": checkpoint.name},
    )
    paths = []
    if "fp32" in precisions:
        paths += _publish(Artifact(".onnx", whole, manifest, "tensorrt"), options, start)
    if len(precisions) > len(paths):
        network = TorchEngine(net, manifest, options.checkpoint, "cpu")
        logits = input_logits(network.logits, inputs, "PyTorch", max(BATCHES))
        held_out = HeldOutSet(inputs, majority, origin, logits, manifest.temperature)
    if "fp16" in precisions:
        paths += _publish(make_fp16(net, graph, manifest, held_out), options, start)
    if "tflite" in precisions:
        paths += _publish(make_tflite(net, manifest, held_out), options, start)
    if "int8" in precisions:
        ranges = get_ranges(options, options.data_dir, options.dataset, graph, spec)
        limit, kept = options.max_accuracy_drop, options.float_layers
        for artifact in make_int8(net, graph, manifest, held_out, ranges, kept, limit):
            paths += _publish(artifact, options, start)
    return paths[0]


def _publish(artifact: Artifact, options: ExportOptions, start: float) -> list[Path]:
    """Writes an artifact, and its plan where one is asked for; returns its path."""
    path = Path(options.output_dir) / f"{options.name}{artifact.suffix}"
    artifact.write(path)
    proof = artifact.manifest.proof
    shown = "".join(
        f", {name.replace('_', ' ')} {proof[name]}"
        for name in ("agreement", "accuracy", "drop_points", "n_labelled")
        if name in proof
    )
    print(
        f"{path}: {artifact.manifest.precision}, {path.stat().st_size / 1e6:.1f} MB{shown}, with "
        f"its manifest in {sidecar_path(path).name} ({time.monotonic() - start:.1f} s)",
        flush=True,
    )
    if options.plan and artifact.target == "tensorrt":
        from export.to_plan import PlanOptions, build_plan

        build_plan(PlanOptions(onnx=str(path)))
    return [path]


def _check(options: ExportOptions) -> None:
    """Fails before the slow part starts."""
    precisions = options.precision.split(",")
    for precision in precisions:
        if precision not in PRECISIONS:
            raise UserError(
                f"--precision {precision!r}: the precisions are {', '.join(PRECISIONS)}"
            )
    measured = options.ranges is not None and Path(options.ranges).is_file()
    if "int8" in precisions and not (measured or options.calibration_dir or options.data_dir):
        raise UserError(
            "--precision int8 needs faces to calibrate with: --calibration_dir D or --data_dir D, "
            "or a file of ranges that is there (--ranges)"
        )
    if "int8" in precisions and options.data_dir is not None and options.split == "train":
        raise UserError(
            "--split train: INT8 is calibrated on the training part, so its proof needs other "
            "faces; take valid or test"
        )
    if not options.name or Path(options.name).name != options.name:
        raise UserError(f"--name must be a plain file name, not {options.name!r}")
    check_writable(Path(options.output_dir) / f"{options.name}.onnx", "--output_dir")
    if "tflite" in precisions:
        for module in ("litert_torch", "ai_edge_litert"):
            if importlib.util.find_spec(module) is None:
                raise UserError(
                    "--precision tflite needs the converter: pip install litert-torch "
                    "ai-edge-litert (in an environment without the dev extra)"
                )
    if options.plan:
        from runtime.engines.trt.library import load_library

        load_library("auto")


if __name__ == "__main__":
    sys.exit(run_command(main, None))

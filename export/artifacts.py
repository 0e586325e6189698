"""Artifacts of less precision: made from the FP32 graph, judged, described."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime.engines.publishing import publish
from runtime.manifest import Manifest

if TYPE_CHECKING:
    import onnx

    from calibration.fidelity import HeldOutSet
    from calibration.ranges import Ranges
    from train.models.emotion_net import EmotionNet


@dataclass(frozen=True)
class Artifact:
    """A model that passed the gate.

    Attributes:
        suffix: What its file's name ends with.
        model: The graph, or the bytes of a file of another kind.
        manifest: Its precision, proof and quantization.
        target: `tensorrt` where a plan may be built from it, else `cpu` or `phone`.
    """

    suffix: str
    model: onnx.ModelProto | bytes
    manifest: Manifest
    target: str

    def write(self, path: Path) -> None:
        """Writes the file and its sidecar, both or neither.

        Raises:
            UserError: TensorRT could not take the graph, or the folder can't
                be written to.
        """
        if isinstance(self.model, bytes):
            publish(self.model, self.manifest, path)
            return
        from export.graph.checks import check_graph
        from export.graph.to_onnx import write_artifact

        if self.target == "tensorrt":
            check_graph(self.model)
        write_artifact(self.model, self.manifest, path)


def make_fp16(
    net: EmotionNet, base: onnx.ModelProto, manifest: Manifest, held_out: HeldOutSet
) -> Artifact:
    """Brings weights and arithmetic to FP16; input and outputs stay FP32.

    Raises:
        UserError: It falls short of the gate.
    """
    from calibration.fidelity import measure_fidelity, open_session
    from export.graph.embedding import with_embedding
    from export.graph.precision import to_fp16
    from export.verification.embedding import prove_embedding
    from export.verification.gate import FP16_DROP, judge

    model = to_fp16(with_embedding(base))
    figures = measure_fidelity(open_session(model), held_out, "fp16")
    judge("fp16", "fp16", figures, FP16_DROP)
    figures |= prove_embedding(net, model, held_out.inputs, "fp16")
    return Artifact(
        ".fp16.onnx", model, replace(manifest, precision="fp16", proof=figures), "tensorrt"
    )


def make_tflite(net: EmotionNet, manifest: Manifest, held_out: HeldOutSet) -> Artifact:
    """Makes a file for LiteRT in FP32, one face at a time.

    Raises:
        UserError: The converter isn't installed, or it falls short of the gate.
    """
    from calibration.fidelity import measure_fidelity
    from export.litert import open_tflite, to_tflite
    from export.verification.gate import FP16_DROP, judge

    content = to_tflite(net, manifest.preprocess.size)
    figures = measure_fidelity(open_tflite(content), held_out, "tflite")
    judge("fp16", "tflite", figures, FP16_DROP)
    return Artifact(".tflite", content, replace(manifest, proof=figures, outputs={}), "phone")


def make_int8(
    net: EmotionNet,
    base: onnx.ModelProto,
    manifest: Manifest,
    held_out: HeldOutSet,
    ranges: Ranges,
    kept: Sequence[str],
    max_drop: float,
) -> Iterator[Artifact]:
    """Quantizes to INT8, for TensorRT over FP16 and for the CPU over FP32.

    Args:
        net: What was exported.
        base: FP32, with logits alone.
        manifest: Of the FP32 artifact.
        held_out: Faces to judge on.
        ranges: Of the tensors of `base`.
        kept: Layers that stay in float.
        max_drop: Points of accuracy that each may lose.

    Raises:
        UserError: One falls short of the gate, or the ranges don't fit.
    """
    from calibration.fidelity import measure_fidelity, open_session
    from calibration.quantize import quantize
    from export.graph.embedding import with_embedding
    from export.graph.precision import to_fp16, widened
    from export.verification.embedding import prove_embedding
    from export.verification.gate import compare_reference, judge

    described = {"method": ranges.method, "faces": ranges.faces, "n": ranges.n, "seed": ranges.seed}
    for target, suffix in (("tensorrt", ".int8.onnx"), ("cpu", ".int8_cpu.onnx")):
        # After it: else the output would be made of the quantized numbers.
        model = judged = with_embedding(quantize(base, ranges.tensors, target, keep=kept))
        if target == "tensorrt":
            model = to_fp16(model)
            judged = widened(model)
        name = f"int8 for {target}"
        figures = measure_fidelity(open_session(judged), held_out, name)
        if target == "tensorrt":
            # ONNX Runtime's CPU provider quantizes FP16 wrongly.
            figures["arithmetic"] = "the artifact's numbers in FP32"
            figures["onnx_reference"] = compare_reference(model, judged, held_out)
        judge("int8", name, figures, max_drop)
        figures |= prove_embedding(net, judged, held_out.inputs, "int8")
        quantization: dict[str, Any] = {"target": target, **described, "float_layers": [*kept]}
        yield Artifact(
            suffix,
            model,
            replace(manifest, precision="int8", proof=figures, quantization=quantization),
            target,
        )

"""The gate: an artifact of less precision is published only if it still says the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx.reference import ReferenceEvaluator

from calibration.fidelity import HeldOutSet, open_session
from runtime.emotion.classifier import softmax
from runtime.errors import UserError

#: Least part of the faces on which the artifact and PyTorch name one emotion.
LEAST_AGREEMENT = {"fp16": 0.995, "int8": 0.95}

#: Points of accuracy that FP16 may lose: a few faces of thousands, whose two first
#: classes are equal to FP16's three digits.
FP16_DROP = 0.1

#: Most that the size of the batch may change a probability.
_BATCH_GAP = 0.02

#: Fewer faces with a label say nothing about half a point of accuracy.
LEAST_LABELLED = 256

#: Faces for ONNX's own implementation, which takes seconds for each.
_REFERENCE = 4


def compare_reference(
    model: onnx.ModelProto, twin: onnx.ModelProto, held_out: HeldOutSet
) -> dict[str, Any]:
    """Checks a model against its twin of wider arithmetic by ONNX's own implementation.

    Args:
        model: What ONNX Runtime's CPU provider can't be trusted with.
        twin: The same numbers in FP32.
        held_out: The faces; a few of them are used.

    Returns:
        Figures for the manifest: agreement, and the largest difference of a probability.
    """
    faces = held_out.inputs[np.linspace(0, len(held_out.inputs) - 1, _REFERENCE).astype(int)]
    with np.errstate(all="ignore"):
        exact: Any = ReferenceEvaluator(model).run(None, {"input": faces})
    ours, theirs = (
        softmax(rows, held_out.temperature) for rows in (exact[0], open_session(twin)(faces))
    )
    return {
        "n": len(faces),
        "agreement": round(float((ours.argmax(1) == theirs.argmax(1)).mean()), 4),
        "max_difference": float(f"{np.abs(ours - theirs).max():.2g}"),
    }


def judge(precision: str, name: str, figures: dict[str, Any], max_drop: float) -> None:
    """Refuses an artifact that falls short.

    Args:
        precision: `fp16` or `int8`.
        name: What the artifact is called.
        figures: Of `calibration.fidelity.measure_fidelity`.
        max_drop: Points of accuracy that it may lose.

    Raises:
        UserError: It disagrees too often, or loses too much.
    """
    shown = ", ".join(
        f"{key} {figures[key]}" for key in ("agreement", "kl", "accuracy", "drop_points", "n")
        if key in figures
    )  # fmt: skip
    reasons = []
    # Negated, because a comparison with NaN is false.
    if not figures["agreement"] >= LEAST_AGREEMENT[precision]:
        reasons.append(f"agreement is below {LEAST_AGREEMENT[precision]}")
    if not figures["kl"] < np.inf:
        reasons.append("some probabilities are not numbers")
    if not figures["batch_gap"] <= _BATCH_GAP:
        reasons.append(f"the size of the batch changes a probability by {figures['batch_gap']}")
    if figures.get("n_labelled", 0) >= LEAST_LABELLED and not figures["drop_points"] <= max_drop:
        reasons.append(f"accuracy drops by more than {max_drop:g} points")
    if reasons:
        raise UserError(f"{name}: {' and '.join(reasons)} ({shown}); it was not published")

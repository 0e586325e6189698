"""How far a model of less precision moves from the network that it came from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from runtime.emotion.classifier import softmax
from train.inference import Logits, Run, input_logits

#: Batches of the comparison, and how many faces also go one by one.
BATCH, _SINGLES = 8, 32


@dataclass(frozen=True, eq=False)
class HeldOutSet:
    """Faces that neither training nor calibration saw, and what the network says of them.

    Attributes:
        inputs: (N, 3, S, S) float32 network inputs.
        majority: (N,) int64 labels, -1 where there is none.
        origin: Where they come from, in words.
        logits: (N, C) float32 of the network as it was trained.
        temperature: Divides logits before the softmax.
    """

    inputs: NDArray[np.float32]
    majority: NDArray[np.int64]
    origin: str
    logits: Logits
    temperature: float


def measure_fidelity(run: Run, held_out: HeldOutSet, what: str) -> dict[str, Any]:
    """Runs a model on the held-out set, in batches of 8 and of 1.

    Args:
        run: The model; see `open_session`.
        held_out: The faces.
        what: What progress calls it.

    Returns:
        Figures for the manifest: agreement of the likeliest emotion, mean
        divergence of the probabilities in nats, accuracy and its drop in
        points where there are labels, and the largest difference that the size
        of the batch makes to a probability.
    """
    logits = input_logits(run, held_out.inputs, what, BATCH)
    few = min(_SINGLES, len(logits))
    singles = np.concatenate([run(held_out.inputs[i : i + 1]) for i in range(few)])
    ours, theirs = (softmax(rows, held_out.temperature) for rows in (held_out.logits, logits))
    gap = np.abs(softmax(singles, held_out.temperature) - theirs[:few]).max()
    divergence = (ours * (np.log(ours + 1e-12) - np.log(theirs + 1e-12))).sum(1).mean()
    figures: dict[str, Any] = {
        "faces": held_out.origin,
        "n": len(logits),
        "batches": [1, BATCH],
        "agreement": round(float((ours.argmax(1) == theirs.argmax(1)).mean()), 4),
        "kl": float(f"{divergence:.3g}"),
        "batch_gap": float(f"{gap:.2g}"),
    }
    labelled = held_out.majority >= 0
    if labelled.any():
        before, after = (
            float((rows.argmax(1) == held_out.majority)[labelled].mean()) for rows in (ours, theirs)
        )
        figures |= {
            "n_labelled": int(labelled.sum()),
            "accuracy": round(after, 4),
            "accuracy_pytorch": round(before, 4),
            "drop_points": round(100 * (before - after), 2),
        }
    return figures


def open_session(model: onnx.ModelProto) -> Run:
    """Opens a model as a function on one CPU thread."""
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = 1
    settings.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), settings, providers=["CPUExecutionProvider"]
    )

    def run(batch: NDArray[np.float32]) -> Logits:
        (logits,) = session.run(["logits"], {"input": batch})
        return np.asarray(logits, np.float32)

    return run

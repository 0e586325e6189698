"""How far a model of less precision moves from the network that it came from."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from runtime.emotion.classifier import softmax

Logits = NDArray[np.float32]

#: A model: (N, 3, S, S) float32 inputs to (N, C) float32 logits.
Run = Callable[[NDArray[np.float32]], Logits]

#: Batches of the comparison, and how many faces also go one by one.
_BATCH, _SINGLES = 8, 32

_INTERVAL = 5.0


@dataclass(frozen=True)
class Held:
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


def compare(run: Run, held: Held, what: str) -> dict[str, Any]:
    """Runs a model on the held faces, in batches of 8 and of 1.

    Args:
        run: The model; see `open_session`.
        held: The faces.
        what: What progress calls it.

    Returns:
        Figures for the manifest: agreement of the likeliest emotion, mean
        divergence of the probabilities in nats, accuracy and its drop in
        points where there are labels, and the largest difference that the size
        of the batch makes to a probability.
    """
    logits = all_logits(run, held.inputs, what)
    few = min(_SINGLES, len(logits))
    singles = np.concatenate([run(held.inputs[i : i + 1]) for i in range(few)])
    ours, theirs = (softmax(rows, held.temperature) for rows in (held.logits, logits))
    gap = np.abs(softmax(singles, held.temperature) - theirs[:few]).max()
    divergence = (ours * (np.log(ours + 1e-12) - np.log(theirs + 1e-12))).sum(1).mean()
    figures: dict[str, Any] = {
        "faces": held.origin,
        "n": len(logits),
        "batches": [1, _BATCH],
        "agreement": round(float((ours.argmax(1) == theirs.argmax(1)).mean()), 4),
        "kl": float(f"{divergence:.3g}"),
        "batch_gap": float(f"{gap:.2g}"),
    }
    labelled = held.majority >= 0
    if labelled.any():
        before, after = (
            float((rows.argmax(1) == held.majority)[labelled].mean()) for rows in (ours, theirs)
        )
        figures |= {
            "n_labelled": int(labelled.sum()),
            "accuracy": round(after, 4),
            "accuracy_pytorch": round(before, 4),
            "drop_points": round(100 * (before - after), 2),
        }
    return figures


def open_session(model: onnx.ModelProto) -> Run:
    """A function from (N, 3, S, S) float32 inputs to (N, C) float32 logits, on one CPU thread."""
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


def all_logits(run: Run, inputs: NDArray[np.float32], what: str) -> Logits:
    """(N, C) logits in batches of 8, with a line of progress now and then."""
    rows, shown = [], time.monotonic()
    for start in range(0, len(inputs), _BATCH):
        rows.append(run(inputs[start : start + _BATCH]))
        if time.monotonic() - shown >= _INTERVAL:
            shown = time.monotonic()
            print(f"{what}: {start + _BATCH} of {len(inputs)} faces", flush=True)
    return np.concatenate(rows)

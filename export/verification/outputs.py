"""Proof that an artifact computes what the PyTorch network computes, on real faces."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import nn

from calibration.fidelity import open_session
from runtime.errors import UserError
from runtime.manifest import Preprocess
from runtime.vision.preprocess import face_to_input
from train.data.augmentation import Augment, AugmentOptions
from train.inference import Run

#: One face, an odd batch, and the largest that the device usually makes.
BATCHES = (1, 3, 8)

_DEMO_INPUTS = 12

#: Exact parity shows on fewer faces than accuracy does.
_MOST = 256


def demo_inputs(spec: Preprocess) -> tuple[NDArray[np.float32], NDArray[np.int64], str]:
    """Makes twelve inputs from the faces that come with the runtime, the same every time.

    Returns:
        (12, 3, S, S) float32 inputs, (12,) int64 labels, all -1 for none, and
        their origin in words.
    """
    from runtime.sources.demo_scene import demo_faces

    faces = demo_faces()
    augment, rng = Augment(AugmentOptions()), np.random.default_rng(0)
    varied = [augment(faces[i % len(faces)], rng) for i in range(_DEMO_INPUTS)]
    inputs = np.stack([face_to_input(face, spec) for face in varied])
    return inputs, np.full(len(inputs), -1), "built-in demo, augmented"


def prove(
    net: nn.Module,
    model: onnx.ModelProto,
    inputs: NDArray[np.float32],
    origin: str,
    temperature: float,
    limit: float,
) -> dict[str, Any]:
    """Compares the probabilities of ONNX Runtime with PyTorch's.

    Args:
        net: The network in evaluation mode, on the CPU.
        model: Its export.
        inputs: (N, ...) float32, N at least the largest of `BATCHES`.
        origin: Where the inputs come from, in words.
        temperature: Logits are divided by it before softmax.
        limit: Largest difference to accept.

    Returns:
        The proof for the manifest: largest difference by batch size, its
        limit, and the faces it was measured on.

    Raises:
        UserError: A difference is over the limit, or not a number.
    """
    inputs = inputs[np.linspace(0, len(inputs) - 1, min(_MOST, len(inputs))).astype(int)]
    run = open_session(model)
    gaps = {
        str(batch): _largest_difference(net, run, inputs, batch, temperature) for batch in BATCHES
    }
    # Negated, because a comparison with NaN is false.
    if not all(gap <= limit for gap in gaps.values()):
        figures = ", ".join(f"{gap:.1e} at batch {batch}" for batch, gap in gaps.items())
        raise UserError(
            f"the ONNX model differs from PyTorch: {figures}, over the limit of {limit:.1e} "
            f"({origin}, {len(inputs)} faces); nothing was published"
        )
    return {
        "max_difference": {batch: float(f"{gap:.2e}") for batch, gap in gaps.items()},
        "limit": limit,
        "faces": origin,
        "n": len(inputs),
    }


def _largest_difference(
    net: nn.Module,
    run: Run,
    inputs: NDArray[np.float32],
    batch: int,
    temperature: float,
) -> float:
    """Finds the largest difference of a probability over all full batches of this size."""
    gaps = []
    for start in range(0, len(inputs) - batch + 1, batch):
        part = torch.from_numpy(inputs[start : start + batch])
        logits = run(part.numpy())
        with torch.inference_mode():
            expected = torch.softmax(net(part).double() / temperature, 1)
        actual = torch.softmax(torch.from_numpy(logits).double() / temperature, 1)
        if actual.shape != expected.shape:
            return float("inf")
        gaps.append(float((actual - expected).abs().max()))
    # NumPy's maximum keeps a NaN; Python's may drop it.
    return float(np.max(gaps))

"""Proof that an artifact computes what the PyTorch network computes, on real faces."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray

from runtime.errors import UserError
from runtime.manifest import Preprocess
from runtime.preprocess import face_to_input
from train.augment import Augment, AugmentOptions
from train.datasets import load_faces
from train.model import EmotionNet

#: One face, an odd batch, and the largest that the device usually makes.
BATCHES = (1, 3, 8)

_DEMO_INPUTS = 12


def demo_inputs(spec: Preprocess) -> tuple[NDArray[np.float32], str]:
    """Twelve inputs from the faces that come with the runtime, the same every time.

    Returns:
        (12, 3, S, S) float32 inputs, and their origin in words.
    """
    from runtime.demo import demo_faces

    faces = demo_faces()
    augment, rng = Augment(AugmentOptions()), np.random.default_rng(0)
    varied = [augment(faces[i % len(faces)], rng) for i in range(_DEMO_INPUTS)]
    return np.stack([face_to_input(face, spec) for face in varied]), "built-in demo, augmented"


def data_inputs(
    data_dir: Path, dataset: str, split: str, samples: int, spec: Preprocess
) -> tuple[NDArray[np.float32], str]:
    """Inputs from faces spread evenly over a data set.

    Args:
        data_dir: The data set's folder.
        dataset: Its layout.
        split: Its part.
        samples: How many faces; all, where there are fewer.
        spec: Preprocessing.

    Returns:
        (N, 3, S, S) float32 inputs, and their origin in words.

    Raises:
        UserError: The data set can't be read, or holds too few faces.
    """
    faces = load_faces(data_dir, dataset, split).with_majority()
    count = min(samples, len(faces))
    if count < max(BATCHES):
        raise UserError(
            f"{faces.name}: {count} faces with a majority label to compare on, "
            f"at least {max(BATCHES)} are needed (--samples {samples})"
        )
    chosen = faces.spread(count).images
    return np.stack([face_to_input(face, spec) for face in chosen]), faces.name


def prove(
    net: EmotionNet,
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
        inputs: (N, 3, S, S) float32, N at least the largest of `BATCHES`.
        origin: Where the inputs come from, in words.
        temperature: Logits are divided by it before softmax.
        limit: Largest difference to accept.

    Returns:
        The proof for the manifest: largest difference by batch size, its
        limit, and the faces it was measured on.

    Raises:
        UserError: A difference is over the limit, or not a number.
    """
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), settings, providers=["CPUExecutionProvider"]
    )
    gaps = {
        str(batch): _largest_difference(net, session, inputs, batch, temperature)
        for batch in BATCHES
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
    net: EmotionNet,
    session: onnxruntime.InferenceSession,
    inputs: NDArray[np.float32],
    batch: int,
    temperature: float,
) -> float:
    """Over all full batches of this size."""
    gaps = []
    for start in range(0, len(inputs) - batch + 1, batch):
        part = torch.from_numpy(inputs[start : start + batch])
        (logits,) = session.run(["logits"], {"input": part.numpy()})
        with torch.inference_mode():
            expected = torch.softmax(net(part).double() / temperature, 1)
        actual = torch.softmax(torch.from_numpy(logits).double() / temperature, 1)
        if actual.shape != expected.shape:
            return float("inf")
        gaps.append(float((actual - expected).abs().max()))
    # NumPy's maximum keeps a NaN; Python's may drop it.
    return float(np.max(gaps))

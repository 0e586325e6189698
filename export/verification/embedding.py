"""Proof that an artifact's features are those of the network."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray

from runtime.errors import UserError
from runtime.manifest import EMBEDDING
from train.models.emotion_net import EmotionNet

#: Least mean cosine between the features of an artifact and the network's.
LEAST_COSINE = {"fp32": 0.9999, "fp16": 0.999, "int8": 0.95}

#: Faces that are compared, and how many at a time.
_MOST, _BATCH = 256, 8


def prove_embedding(
    net: EmotionNet, model: onnx.ModelProto, inputs: NDArray[np.float32], precision: str
) -> dict[str, Any]:
    """Compares an artifact's features with the network's.

    Args:
        net: The network in evaluation mode, on the CPU.
        model: Its export with the output `embedding`.
        inputs: (N, 3, S, S) float32 faces; some of them are used.
        precision: Of the artifact.

    Returns:
        Figures for the manifest: mean and least cosine.

    Raises:
        UserError: They differ too much.
    """
    inputs = inputs[np.linspace(0, len(inputs) - 1, min(_MOST, len(inputs))).astype(int)]
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    cosines = []
    for start in range(0, len(inputs), _BATCH):
        part = inputs[start : start + _BATCH]
        with torch.inference_mode():
            wanted = net.embed(torch.from_numpy(part)).double().numpy()
        (given,) = session.run([EMBEDDING], {"input": part})
        lengths = np.linalg.norm(wanted, axis=1) * np.linalg.norm(given, axis=1)
        cosines.append((wanted * given).sum(1) / lengths)
    found = np.concatenate(cosines)
    figures = {"n": len(found), "mean": round(float(found.mean()), 5)}
    # Negated, because a comparison with NaN is false.
    if not figures["mean"] >= LEAST_COSINE[precision]:
        raise UserError(
            f"{precision}: its features differ from the network's (mean cosine {figures['mean']}, "
            f"below {LEAST_COSINE[precision]}); it was not published"
        )
    return {"embedding_cosine": figures | {"least": round(float(found.min()), 5)}}

"""What the frozen network says of every frame of made sequences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from runtime.emotion.classifier import softmax
from runtime.manifest import Manifest
from runtime.vision.preprocess import face_to_input
from train.datasets.faces import FaceSet
from train.inference import input_logits
from train.models.emotion_net import EmotionNet
from train.progress import show_progress
from train.temporal.sequences import FaceSequence, SequenceOptions, make_sequence
from train.torch_engine import TorchEngine

_BATCH = 32


@dataclass(frozen=True, eq=False)
class Observed:
    """A sequence as the head sees it, with the truth.

    Attributes:
        times: (T,) float64 seconds.
        probabilities: (T, C) float64, calibrated, of each frame alone.
        features: (T, F) float32, what the network's last layer reads.
        targets: (T, C) float32 vote distribution of the face that shows.
        truth: (T,) int64 its majority label.
        degraded: (T,) bool, where a degradation is strong.
        change: First frame of the second face; T where there is none.
    """

    times: NDArray[np.float64]
    probabilities: NDArray[np.float64]
    features: NDArray[np.float32]
    targets: NDArray[np.float32]
    truth: NDArray[np.int64]
    degraded: NDArray[np.bool_]
    change: int


def observe(
    net: EmotionNet,
    manifest: Manifest,
    faces: FaceSet,
    options: SequenceOptions,
    count: int,
    seed: Sequence[int],
) -> list[Observed]:
    """Makes sequences and reads every frame of them, and shows progress.

    Args:
        net: The network in evaluation mode.
        manifest: Its manifest.
        faces: Faces with a majority, in the network's classes.
        options: How sequences are made.
        count: How many.
        seed: Each sequence's draws follow from these numbers and its own.
    """
    targets, found = faces.targets(), []
    engine = TorchEngine(net.to(memory_format=torch.channels_last), manifest, "the network")
    for number in show_progress(range(count), faces.name, unit="sequences"):
        sequence = make_sequence(faces, options, np.random.default_rng((*seed, number)))
        logits, features = _read(engine, net, sequence)
        found.append(
            Observed(
                sequence.times,
                softmax(logits, manifest.temperature),
                features,
                targets[sequence.faces],
                faces.majority[sequence.faces],
                sequence.degraded,
                sequence.change,
            )
        )
    return found


def _read(
    engine: TorchEngine, net: EmotionNet, sequence: FaceSequence
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Reads the (T, C) logits of a sequence's frames, and the (T, F) features they follow from."""
    spec = engine.manifest.preprocess
    inputs = np.stack([face_to_input(frame, spec) for frame in sequence.frames])
    kept: list[Tensor] = []

    def keep(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        kept.append(inputs[0])

    hook = net.head.register_forward_pre_hook(keep)
    try:
        logits = input_logits(engine.logits, inputs, "frames", _BATCH)
    finally:
        hook.remove()
    return logits, torch.cat(kept).cpu().numpy()

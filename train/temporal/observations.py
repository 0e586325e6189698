"""What the frozen network says of every frame of made sequences."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from runtime.emotion.classifier import softmax
from runtime.manifest import Manifest
from runtime.vision.preprocess import face_to_input
from train.datasets import FaceSet
from train.datasets.notes import INTERVAL
from train.models.emotion_net import EmotionNet
from train.temporal.sequences import FaceSequence, SequenceOptions, make_sequence

_BATCH = 32


@dataclass(frozen=True)
class Observed:
    """A sequence as the head sees it, with the truth.

    Attributes:
        times: (T,) float64 seconds.
        probabilities: (T, C) float64, calibrated, of each frame alone.
        features: (T, F) float32, what the network's last layer reads.
        targets: (T, C) float32 vote distribution of the face that shows.
        truth: (T,) int64 its majority label.
        degraded: (T,) bool, where a spell is strong.
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
    """Makes sequences and reads every frame; says how far it is on standard error.

    Args:
        net: The network in evaluation mode.
        manifest: Its manifest.
        faces: Faces with a majority, in the network's classes.
        options: How sequences are made.
        count: How many.
        seed: Each sequence's draws follow from these numbers and its own.
    """
    targets, found = faces.targets(), []
    start = said = time.monotonic()
    for number in range(count):
        sequence = make_sequence(faces, options, np.random.default_rng((*seed, number)))
        logits, features = _read(net, manifest, sequence)
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
        now = time.monotonic()
        if now - said > INTERVAL or number + 1 == count:
            said = now
            print(
                f"{faces.name}: {number + 1} of {count} sequences, {now - start:.0f} s",
                file=sys.stderr,
                flush=True,
            )
    return found


def _read(
    net: EmotionNet, manifest: Manifest, sequence: FaceSequence
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(T, C) logits and (T, F) features."""
    kept: list[Tensor] = []

    def keep(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        kept.append(inputs[0])

    hook = net.head.register_forward_pre_hook(keep)
    try:
        with torch.inference_mode():
            logits = [net(batch) for batch in _batches(manifest, sequence)]
    finally:
        hook.remove()
    return torch.cat(logits).numpy(), torch.cat(kept).numpy()


def _batches(manifest: Manifest, sequence: FaceSequence) -> Iterator[Tensor]:
    for begin in range(0, len(sequence.frames), _BATCH):
        part = sequence.frames[begin : begin + _BATCH]
        inputs = np.stack([face_to_input(frame, manifest.preprocess) for frame in part])
        yield torch.from_numpy(inputs).contiguous(memory_format=torch.channels_last)

"""The head: a small BiLSTM over a window of probabilities, and its file."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from runtime.emotion.temporal import KIND
from runtime.errors import ManifestError
from runtime.manifest import Manifest
from runtime.support.redaction import printable
from train.checkpoint import read_manifest

#: Smallest probability whose logarithm is taken.
_FLOOR = 1e-4


@dataclass(frozen=True)
class HeadOptions:
    """Architecture of a `TemporalNet`.

    Attributes:
        steps: Steps of a window.
        window_s: Its length in seconds.
        hidden: Hidden units in each direction.
        features: The network's features that come beside the probabilities.
    """

    steps: int = 12
    window_s: float = 1.0
    hidden: int = 24
    features: int = 0


class TemporalNet(nn.Module):
    """Weighs the steps of a window, and corrects their average.

    The BiLSTM says how far each step is to be believed; the average of the
    probabilities by these weights, as logits, gains what the BiLSTM says at the
    newest step. Untrained it is a plain average, so it starts where smoothing is.
    """

    def __init__(self, options: HeadOptions, classes: int) -> None:
        super().__init__()
        self.options, self.classes = options, classes
        width = classes + 1
        if options.features:
            self.reduce = nn.Linear(options.features, 32)
            width += 32
        self.lstm = nn.LSTM(width, options.hidden, batch_first=True, bidirectional=True)
        self.trust = nn.Linear(2 * options.hidden, 1)
        self.correct = nn.Linear(2 * options.hidden, classes)
        for layer in (self.trust, self.correct):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Computes (N, C) logits of (N, steps, C) probabilities, zeros where none were yet."""
        shares = x[..., : self.classes]
        # One where the track was there, zero before.
        there = shares.sum(-1, keepdim=True)
        tokens = [shares.clamp(min=_FLOOR).log() / 4, there]
        if self.options.features:
            tokens.append(torch.relu(self.reduce(x[..., self.classes :])))
        states, _ = self.lstm(torch.cat(tokens, -1))
        weights = torch.sigmoid(self.trust(states)) * there
        average = (weights * shares).sum(1) / weights.sum(1).clamp(min=_FLOOR)
        logits: Tensor = average.clamp(min=_FLOOR).log() + self.correct(states[:, -1])
        return logits

    def describe(self) -> dict[str, Any]:
        """Gives what rebuilds the network, for the manifest."""
        return {"kind": KIND, **asdict(self.options)}


def load_head(path: Path) -> tuple[TemporalNet, Manifest]:
    """Rebuilds the head of a checkpoint, in evaluation mode.

    Raises:
        UserError: The file is missing or isn't a head's checkpoint.
    """
    manifest = read_manifest(path)
    options = dict(manifest.model)
    if options.pop("kind", None) != KIND:
        raise ManifestError(f"{path}: not a temporal head; `python -m train.temporal` writes one")
    try:
        net = TemporalNet(HeadOptions(**options), len(manifest.labels))
        net.load_state_dict(load_file(path))
    except (TypeError, ValueError, ArithmeticError, RuntimeError, MemoryError) as error:
        reason = printable(str(error).partition("\n")[0])
        raise ManifestError(f"{path}: the weights don't match the manifest ({reason})") from error
    return net.eval(), manifest

"""Checkpoints: safetensors weights with the manifest in their header.

safetensors holds tensors and text only, so opening an untrusted file runs no
code.
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import safetensors
import torch
from safetensors.torch import load_file, save
from torch import Tensor, nn

from runtime.errors import ManifestError, UserError
from runtime.manifest import METADATA_KEY, Manifest
from runtime.support.files.writing import write_whole
from runtime.support.reasons import reason
from train.models.emotion_net import EmotionNet, ModelOptions


def save_checkpoint(path: Path, weights: dict[str, Tensor], manifest: Manifest) -> None:
    """Writes weights and manifest as one file, in place of an older one at once.

    Raises:
        UserError: It can't be written.
    """
    tensors = {k: v.detach().cpu().contiguous() for k, v in weights.items()}
    # safetensors' own save_file makes a file that only its owner may read.
    write_whole(path, save(tensors, metadata={METADATA_KEY: manifest.to_json()}))


def read_manifest(path: Path) -> Manifest:
    """Reads the manifest of a checkpoint.

    Raises:
        UserError: The file is missing, not safetensors, or has no manifest.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such checkpoint")
    try:
        with safetensors.safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
    except (safetensors.SafetensorError, OSError) as error:
        raise UserError(f"{path}: not a safetensors checkpoint ({error})") from error
    if METADATA_KEY not in metadata:
        raise ManifestError(f"{path}: the checkpoint has no manifest; train.fit writes one")
    return Manifest.from_json(metadata[METADATA_KEY], str(path))


def load_checkpoint(path: Path) -> tuple[EmotionNet, Manifest]:
    """Rebuilds the network of a checkpoint, in evaluation mode.

    Raises:
        UserError: As `read_manifest`, or the weights don't fit the manifest.
    """
    manifest = read_manifest(path)
    try:
        options, weights = ModelOptions(**manifest.model), load_file(path)
        if options.lstm_layers > len(weights):
            raise ValueError(f"lstm_layers {options.lstm_layers}")
        # Without memory first: an untrusted file's options could ask for more than there is.
        with torch.device("meta"):
            shapes = EmotionNet(options, len(manifest.labels))
        shapes.load_state_dict(weights, assign=True)
        model = EmotionNet(options, len(manifest.labels))
        model.load_state_dict(weights)
    except (UserError, TypeError, ValueError, ArithmeticError, RuntimeError, MemoryError) as error:
        raise ManifestError(
            f"{path}: the weights don't match the manifest ({reason(error)})"
        ) from error
    return model.eval(), manifest


@dataclass(frozen=True)
class Resumable:
    """What a `last.ckpt` says of its training.

    Attributes:
        epochs: Epochs that were trained.
        waited: Those since the last one that brought progress.
    """

    epochs: int
    waited: int


def read_resumable(path: Path, module: nn.Module) -> Resumable:
    """Fails early where training can't go on from a `last.ckpt`.

    Args:
        path: What Lightning saved.
        module: The training module; its weights are overwritten.

    Raises:
        UserError: The file is missing, damaged or of another network.
    """
    if not path.is_file():
        raise UserError(f"--resume: no {path}")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        module.load_state_dict(state["state_dict"])
        stopping = next(v for k, v in state["callbacks"].items() if k.startswith("EarlyStopping"))
        return Resumable(int(state["epoch"]) + 1, int(stopping["wait_count"]))
    except (
        *(RuntimeError, KeyError, EOFError, pickle.UnpicklingError),
        *(TypeError, AttributeError, IndexError, StopIteration),
    ) as error:
        raise UserError(
            f"--resume: {path} is damaged, or of another network than the options ask for"
        ) from error


def tool_versions(*packages: str) -> dict[str, str]:
    """Gives the installed versions of packages, for a manifest."""
    return {package: version(package) for package in packages}

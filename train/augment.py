"""What a webcam does to a face, as random changes before `runtime.preprocess`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torchvision.transforms import v2


@dataclass(frozen=True)
class AugmentOptions:
    """Strengths; 0 turns one off.

    Attributes:
        rotate: Largest roll in degrees.
        shift: Largest shift as a fraction of the side (a detector's jitter).
        zoom: Largest relative change of scale.
        shear: Largest shear in degrees.
        light: Largest relative change of brightness and contrast.
        blur: Probability of a soft face (small or out of focus).
        noise: Probability of sensor noise.
        erase: Probability of a hidden patch.
    """

    rotate: float = 15.0
    shift: float = 0.08
    zoom: float = 0.12
    shear: float = 5.0
    light: float = 0.3
    blur: float = 0.15
    noise: float = 0.2
    erase: float = 0.25


class Augment:
    """Random flip, framing, light, softness, noise and occlusion of a face."""

    def __init__(self, options: AugmentOptions) -> None:
        o = options
        self._flip = v2.RandomHorizontalFlip(0.5)
        self._frame = v2.RandomAffine(
            degrees=o.rotate,
            # As a fraction of the padded face, which is twice as large.
            translate=(o.shift / 2, o.shift / 2),
            scale=(1 - o.zoom, 1 + o.zoom),
            shear=o.shear or None,
            interpolation=v2.InterpolationMode.BILINEAR,
        )
        self._light = v2.ColorJitter(brightness=o.light, contrast=o.light)
        self._blur = v2.RandomApply([v2.GaussianBlur(5, sigma=(0.4, 1.6))], o.blur)
        self._erase = v2.RandomErasing(o.erase, scale=(0.03, 0.2), value=0)
        self._noise = o.noise

    def __call__(self, face: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """(H, W) or (H, W, 3) uint8 -> the same shape and dtype, changed."""
        grey = face.ndim == 2
        tensor = torch.from_numpy(np.ascontiguousarray(face))
        tensor = tensor[None] if grey else tensor.permute(2, 0, 1)
        # Replicated borders: the device's crop repeats the picture's edge too.
        # Half a side is enough for the corners of a turned, smaller face.
        pad = max(1, max(tensor.shape[1:]) // 2)
        tensor = torch.nn.functional.pad(tensor[None].float(), (pad,) * 4, mode="replicate")[0]
        tensor = self._frame(self._flip(tensor.to(torch.uint8)))
        tensor = tensor[:, pad:-pad, pad:-pad]
        tensor = self._blur(self._light(tensor))
        if torch.rand(()) < self._noise:
            sigma = 12.0 * torch.rand(())
            tensor = (tensor + sigma * torch.randn(tensor.shape)).clamp(0, 255).to(torch.uint8)
        tensor = self._erase(tensor)
        out = tensor[0] if grey else tensor.permute(1, 2, 0)
        return np.ascontiguousarray(out.numpy())

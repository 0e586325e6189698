"""A network in PyTorch behind the runtime's engine seam."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from runtime.manifest import Manifest
from train.checkpoint import load_checkpoint


class TorchEngine:
    """A network as an engine, on the GPU where there is one.

    Attributes:
        manifest: The network's manifest.
        name: What it is and where it runs, in words.
    """

    def __init__(
        self, net: nn.Module, manifest: Manifest, name: str, device: str | None = None
    ) -> None:
        """Takes a network over and moves it to the device.

        Args:
            net: The network in evaluation mode.
            manifest: Its manifest.
            name: What messages call it.
            device: PyTorch's name of where it runs; by default the GPU, where there is one.
        """
        self.manifest = manifest
        self._device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self._net = net.to(self._device)
        self.name = f"{name}, PyTorch on {self._device.type}"

    @classmethod
    def open(cls, path: Path, device: str | None = None) -> TorchEngine:
        """Loads a checkpoint.

        Args:
            path: The `.safetensors` file.
            device: As the constructor takes it.

        Raises:
            UserError: It can't be read.
        """
        return cls(*load_checkpoint(path), str(path), device)

    def infer(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N, 3, H, W) float32 -> (N, C) float32 logits; the caller owns them."""
        with torch.inference_mode():
            logits = self._net(torch.from_numpy(batch).to(self._device))
        result: NDArray[np.float32] = logits.float().cpu().numpy()
        return result

    def close(self) -> None:
        """Frees nothing: PyTorch frees the network with the last reference to it."""

"""A network in PyTorch behind the runtime's engine seam."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from runtime.errors import EngineError
from runtime.manifest import LOGITS, Manifest
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
        self._dtype = torch.float32
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

    def infer(
        self, batch: NDArray[np.float32], outputs: Sequence[str] = (LOGITS,)
    ) -> dict[str, NDArray[np.float32]]:
        """See `runtime.engines.base.Engine.infer`; a network gives logits alone.

        Raises:
            EngineError: Another output was asked for.
        """
        if unknown := set(outputs) - {LOGITS}:
            raise EngineError(f"{self.name}: no output {min(unknown)!r}; it has {LOGITS}")
        with torch.inference_mode():
            logits = self._net(torch.from_numpy(batch).to(self._device, self._dtype))
        return {LOGITS: logits.float().cpu().numpy()}

    def logits(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N, 3, H, W) float32 -> (N, C) float32 logits; the caller owns them."""
        return self.infer(batch)[LOGITS]

    def close(self) -> None:
        """Frees nothing: PyTorch frees the network with the last reference to it."""

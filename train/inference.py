"""Any form of a model behind the runtime's engine seam: checkpoint, ONNX file or plan."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from runtime.engines.base import Engine
from runtime.engines.factory import open_engine
from runtime.errors import EngineError
from runtime.manifest import LOGITS
from runtime.vision.preprocess import face_to_input
from train.checkpoint import load_checkpoint
from train.datasets import FaceSet

BATCH = 64


class TorchEngine:
    """A checkpoint as an engine, on the GPU where there is one."""

    def __init__(self, path: Path, device: str | None = None) -> None:
        """Loads a checkpoint.

        Args:
            path: The `.safetensors` file.
            device: PyTorch's name of where it runs; by default the GPU, where there is one.

        Raises:
            UserError: It can't be read.
        """
        self._net, self.manifest = load_checkpoint(path)
        self._device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self._dtype = torch.float32
        self._net.to(self._device)
        self.name = f"{path}, PyTorch on {self._device.type}"

    def infer(
        self, batch: NDArray[np.float32], outputs: Sequence[str] = (LOGITS,)
    ) -> dict[str, NDArray[np.float32]]:
        """See `runtime.engines.base.Engine.infer`; a checkpoint gives logits alone."""
        if unknown := set(outputs) - {LOGITS}:
            raise EngineError(f"{self.name}: no output {min(unknown)!r}; it has {LOGITS}")
        with torch.inference_mode():
            logits = self._net(torch.from_numpy(batch).to(self._device, self._dtype))
        return {LOGITS: logits.float().cpu().numpy()}

    def close(self) -> None:
        """Nothing to free."""


def open_model(path: str, provider: str = "cpu", threads: int = 1) -> Engine:
    """Opens a model in any of its forms.

    Args:
        path: A checkpoint (.safetensors), or what `runtime.engines.open_engine` takes.
        provider: Where an exported model runs.
        threads: CPU threads of an exported model.

    Raises:
        UserError: The model can't be opened.
    """
    if path.endswith(".safetensors"):
        return TorchEngine(Path(path))
    return open_engine(path, provider, threads)


def infer_faces(engine: Engine, faces: FaceSet) -> Iterator[NDArray[np.float32]]:
    """Logits of faces, batch by batch.

    Args:
        engine: Any form of a model.
        faces: N faces.

    Yields:
        (B, C) float32 of the next B faces, B at most `BATCH`.
    """
    for start in range(0, len(faces), BATCH):
        part = [faces.images[i] for i in range(start, min(start + BATCH, len(faces)))]
        inputs = np.stack([face_to_input(f, engine.manifest.preprocess) for f in part])
        yield engine.infer(inputs)[LOGITS]

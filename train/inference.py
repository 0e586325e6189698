"""Logits of faces, from a model in any of its forms: checkpoint, ONNX file or plan."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from runtime.engines.base import Engine
from runtime.engines.factory import open_engine
from runtime.errors import UserError
from runtime.manifest import LOGITS
from runtime.vision.preprocess import face_to_input
from train.datasets.faces import FaceSet
from train.progress import show_progress

Logits = NDArray[np.float32]

#: A model: (N, 3, S, S) float32 inputs to (N, C) float32 logits.
Run = Callable[[NDArray[np.float32]], Logits]

BATCH = 64


def open_model(path: str, provider: str = "cpu", threads: int = 1) -> Engine:
    """Opens a model in any of its forms.

    Args:
        path: A checkpoint (.safetensors), or what `runtime.engines.factory.open_engine` takes.
        provider: Where an exported model runs.
        threads: CPU threads of an exported model.

    Raises:
        UserError: The model can't be opened.
    """
    if path.endswith(".safetensors"):
        from train.torch_engine import TorchEngine

        return TorchEngine.open(Path(path))
    return open_engine(path, provider, threads)


def face_logits(engine: Engine, faces: FaceSet, what: str | None = None) -> Logits:
    """Computes the logits of faces, and shows progress.

    Args:
        engine: The model.
        faces: N faces; each is read and prepared when its turn comes.
        what: What progress and messages call them; by default the set's name.

    Returns:
        (N, C) float32, finite.

    Raises:
        UserError: A logit is not a finite number.
    """
    what = what or faces.name
    spec = engine.manifest.preprocess
    rows = []
    for part in _batches(len(faces), BATCH, what):
        inputs = np.stack([face_to_input(faces.images[i], spec) for i in part])
        logits = engine.infer(inputs)[LOGITS]
        if not np.isfinite(logits).all():
            raise UserError(
                f"{getattr(engine, 'name', 'the model')}: its logits are not finite ({what}); "
                "train or export it again"
            )
        rows.append(logits)
    return np.concatenate(rows)


def input_logits(run: Run, inputs: NDArray[np.float32], what: str, batch: int = BATCH) -> Logits:
    """Computes the logits of prepared network inputs, and shows progress.

    Args:
        run: The model, such as `TorchEngine.logits`.
        inputs: (N, 3, S, S) float32 network inputs.
        what: What progress calls them.
        batch: Faces at a time.

    Returns:
        (N, C) float32, finite or not.
    """
    parts = _batches(len(inputs), batch, what)
    return np.concatenate([run(inputs[part.start : part.stop]) for part in parts])


def _batches(count: int, size: int, what: str) -> Iterator[range]:
    """Yields the indices of each batch, with a bar that counts the faces."""
    with show_progress(None, what, count) as bar:
        for start in range(0, count, size):
            part = range(start, min(start + size, count))
            yield part
            bar.update(len(part))

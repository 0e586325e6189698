"""A network with the manifest that it has been checked against."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime.engines.base import Network
from runtime.errors import EngineError, ManifestError
from runtime.manifest import Manifest


class EmotionEngine:
    """A network with a manifest that it has been checked against."""

    def __init__(self, network: Network, manifest: Manifest) -> None:
        """Checks the network against its manifest.

        Raises:
            ManifestError: They ask for different inputs or outputs.
        """
        self._network = network
        self.manifest = manifest
        shape = network.input_shape
        if len(shape) != 4 or tuple(shape[1:]) != manifest.input_shape:
            raise ManifestError(
                f"{network.name}: the model takes {_shown(shape)} but its manifest says "
                f"{_shown((None, *manifest.input_shape))}; export it again"
            )
        if shape[0] is not None:
            raise ManifestError(
                f"{network.name}: the model takes only batches of {shape[0]}; "
                "export it with a dynamic batch"
            )
        outputs = list(network.output_shapes.values())
        wanted = (None, len(manifest.labels))
        if len(outputs) != 1 or len(outputs[0]) != 2 or outputs[0][1] not in (None, wanted[1]):
            shown = " and ".join(_shown(s) for s in outputs)
            raise ManifestError(
                f"{network.name}: the model gives {shown} but its manifest has "
                f"{wanted[1]} labels; export it again"
            )

    @property
    def name(self) -> str:
        """File and how it runs, for the log."""
        return f"{self._network.name}, {self.manifest.precision}"

    def infer(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Logits of a batch.

        Args:
            batch: (N, 3, H, W) float32, as `runtime.vision.preprocess` makes it.

        Returns:
            (N, C) float32; the caller owns it.

        Raises:
            EngineError: Wrong shape or dtype, the backend failed, or the model gave
                another shape than it said, or what isn't a number.
        """
        if batch.dtype != np.float32 or batch.ndim != 4:
            raise EngineError(
                f"a batch must be float32 (N, 3, H, W), not {batch.dtype} {batch.shape}"
            )
        if batch.shape[1:] != self.manifest.input_shape:
            raise EngineError(
                f"a batch must be {_shown((None, *self.manifest.input_shape))}, not {batch.shape}"
            )
        if not len(batch):
            return np.zeros((0, len(self.manifest.labels)), np.float32)
        shape = (len(batch), len(self.manifest.labels))
        return sound_logits(self.name, self._network.run(batch)[0], shape)

    def close(self) -> None:
        """Frees the model."""
        self._network.close()


def sound_logits(name: str, output: NDArray[Any], wanted: tuple[int, int]) -> NDArray[np.float32]:
    """What a model gave as float32, where it is what its manifest says.

    Args:
        name: The model's, for the message.
        output: What it gave.
        wanted: Shape that it must have, (N, C).

    Raises:
        EngineError: It is no floating-point numbers, has another shape, or makes no
            probabilities.
    """
    if output.dtype.kind != "f":
        raise EngineError(f"{name}: the model gave {output.dtype} and not floating-point numbers")
    with np.errstate(over="ignore"):  # the result is checked
        logits: NDArray[np.float32] = np.asarray(output, np.float32)
    if logits.shape != wanted:
        raise EngineError(f"{name}: the model gave {logits.shape} and not {wanted}")
    # One of minus infinity is a probability of zero; what is left of a row must be numbers.
    if not np.isfinite(logits.max(axis=1)).all():
        raise EngineError(f"{name}: the model gave what isn't a finite number; export it again")
    return logits


def _shown(shape: Sequence[int | None]) -> str:
    return "(" + ", ".join("N" if side is None else str(side) for side in shape) + ")"

"""The seam between the pipeline and whatever runs a model.

A `Network` is a backend's view of a file: tensors in, tensors out. An
`Engine` is an emotion model as the pipeline sees it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from runtime.manifest import LOGITS, Manifest


class Network(Protocol):
    """A loaded model. One thread calls it; the caller owns what `run` returns."""

    @property
    def name(self) -> str:
        """File and how it runs, for the log."""
        ...

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        """Shape of the only input; None where it is free."""
        ...

    @property
    def output_shapes(self) -> Mapping[str, tuple[int | None, ...]]:
        """Shape of each output by name, in the file's order."""
        ...

    def run(
        self, batch: NDArray[np.float32], outputs: Sequence[str] | None = None
    ) -> Mapping[str, NDArray[Any]]:
        """Runs the model.

        Args:
            batch: The input.
            outputs: Names of the outputs that are wanted; None for all. The others
                aren't computed where the backend can leave them out.

        Returns:
            Those outputs by name.

        Raises:
            EngineError: The backend failed, the network is closed, or has no such output.
        """
        ...

    def close(self) -> None:
        """Frees the model; a second call does nothing."""
        ...


class Engine(Protocol):
    """An emotion model as the pipeline sees it. One thread calls it."""

    @property
    def manifest(self) -> Manifest:
        """What the model is."""
        ...

    def infer(
        self, batch: NDArray[np.float32], outputs: Sequence[str] = (LOGITS,)
    ) -> Mapping[str, NDArray[np.float32]]:
        """Runs the model.

        Args:
            batch: (N, 3, H, W) float32, as `runtime.vision.preprocess` makes it.
            outputs: Names in `Manifest.outputs`; the others aren't computed where the
                backend can leave them out.

        Returns:
            Those outputs by name, each (N, *shape) float32; `logits` is (N, C). The
            caller owns the arrays.

        Raises:
            EngineError: The backend failed, or the engine has no such output.
        """
        ...

    def close(self) -> None:
        """Frees the model; a second call does nothing."""
        ...

"""The seam between the pipeline and whatever runs a model.

A `Network` is a backend's view of a file: tensors in, tensors out. An
`Engine` is an emotion model as the pipeline sees it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from runtime.manifest import Manifest


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
        """Shape of each output by name."""
        ...

    @property
    def metadata(self) -> Mapping[str, str]:
        """Text that the file carries."""
        ...

    def run(self, batch: NDArray[np.float32]) -> Sequence[NDArray[Any]]:
        """Outputs in the file's order for one input."""
        ...

    def close(self) -> None:
        """Frees the model; a second call does nothing."""
        ...


class Engine(Protocol):
    """An emotion model as the pipeline sees it."""

    @property
    def manifest(self) -> Manifest:
        """What the model is."""
        ...

    def infer(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N, 3, H, W) float32 -> (N, C) float32 logits; the caller owns them."""
        ...

    def close(self) -> None:
        """Frees the model."""
        ...

"""A network with the manifest that it has been checked against."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime.engines.base import Network
from runtime.errors import EngineError, ManifestError
from runtime.manifest import LOGITS, Manifest


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
        self._sources = _sources(network, manifest)

    @property
    def name(self) -> str:
        """File and how it runs, for the log."""
        return f"{self._network.name}, {self.manifest.precision}"

    def infer(
        self, batch: NDArray[np.float32], outputs: Sequence[str] = (LOGITS,)
    ) -> dict[str, NDArray[np.float32]]:
        """Runs the model.

        Args:
            batch: (N, 3, H, W) float32, as `runtime.vision.preprocess` makes it.
            outputs: Names in `Manifest.outputs`.

        Returns:
            Those outputs by name, each (N, *shape) float32; the caller owns them.

        Raises:
            EngineError: Wrong shape or dtype, an output that the model doesn't have, the
                backend failed, or the model gave another shape than it said, or what
                isn't a number.
        """
        if batch.dtype != np.float32 or batch.ndim != 4:
            raise EngineError(
                f"a batch must be float32 (N, 3, H, W), not {batch.dtype} {batch.shape}"
            )
        if batch.shape[1:] != self.manifest.input_shape:
            raise EngineError(
                f"a batch must be {_shown((None, *self.manifest.input_shape))}, not {batch.shape}"
            )
        for name in outputs:
            if name not in self._sources:
                raise EngineError(
                    f"{self.name}: no output {name!r}; it has {', '.join(self._sources)}"
                )
        shapes = {name: (len(batch), *self.manifest.outputs[name].shape) for name in outputs}
        if not len(batch):
            return {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
        given = self._network.run(batch, [self._sources[name] for name in outputs])
        return {
            name: sound_output(self.name, given[self._sources[name]], shape, name == LOGITS)
            for name, shape in shapes.items()
        }

    def close(self) -> None:
        """Frees the model."""
        self._network.close()


def sound_logits(name: str, output: NDArray[Any], wanted: tuple[int, int]) -> NDArray[np.float32]:
    """What a model gave as logits; see `sound_output`.

    Args:
        name: The model's, for the message.
        output: What it gave.
        wanted: Shape that it must have, (N, C).

    Raises:
        EngineError: As `sound_output`.
    """
    return sound_output(name, output, wanted, logits=True)


def sound_output(
    name: str, output: NDArray[Any], wanted: tuple[int, ...], logits: bool
) -> NDArray[np.float32]:
    """What a model gave as float32, where it is what its manifest says.

    Args:
        name: The model's, for the message.
        output: What it gave.
        wanted: Shape that it must have, (N, ...).
        logits: Whether minus infinity is sound, which is a probability of zero.

    Raises:
        EngineError: It is no floating-point numbers, has another shape, or holds what
            isn't a number; of logits, makes no probabilities.
    """
    if output.dtype.kind != "f":
        raise EngineError(f"{name}: the model gave {output.dtype} and not floating-point numbers")
    with np.errstate(over="ignore"):  # the result is checked
        values: NDArray[np.float32] = np.asarray(output, np.float32)
    if values.shape != wanted:
        raise EngineError(f"{name}: the model gave {values.shape} and not {wanted}")
    # What is left of a row of logits must be numbers.
    if not np.isfinite(values.max(axis=1) if logits else values).all():
        raise EngineError(f"{name}: the model gave what isn't a finite number; export it again")
    return values


def _sources(network: Network, manifest: Manifest) -> dict[str, str]:
    """The network's own name of each output of the manifest.

    Raises:
        ManifestError: The network gives something else.
    """
    outputs = network.output_shapes
    names = {name: name for name in manifest.outputs}
    # Logits that are the only output may have any name.
    if len(names) == len(outputs) == 1:
        names = {LOGITS: next(iter(outputs))}
    fits = set(names.values()) == set(outputs) and all(
        len(outputs[own]) == 1 + len(manifest.outputs[name].shape)
        and all(
            side in (None, wanted)
            for side, wanted in zip(outputs[own][1:], manifest.outputs[name].shape, strict=True)
        )
        for name, own in names.items()
    )
    if not fits:
        shown = " and ".join(_shown(shape) for shape in outputs.values())
        others = sorted(set(names) - {LOGITS})
        more = f" and the outputs {', '.join(others)}" if others else ""
        raise ManifestError(
            f"{network.name}: the model gives {shown} but its manifest has "
            f"{len(manifest.labels)} labels{more}; export it again"
        )
    return names


def _shown(shape: Sequence[int | None]) -> str:
    return "(" + ", ".join("N" if side is None else str(side) for side in shape) + ")"

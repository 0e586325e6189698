"""The seam between the pipeline and whatever runs a model.

A `Network` is a backend's view of a file: tensors in, tensors out. An
`EmotionEngine` adds the manifest and the checks that all backends share.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from runtime.errors import EngineError, ManifestError
from runtime.manifest import METADATA_KEY, Manifest

#: The model that comes with the runtime.
DEFAULT_ENGINE = Path(__file__).resolve().parents[1] / "models" / "emotion.onnx"

PROVIDERS = ("cpu", "cuda")


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
            batch: (N, 3, H, W) float32, as `runtime.preprocess` makes it.

        Returns:
            (N, C) float32; the caller owns it.

        Raises:
            EngineError: Wrong shape or dtype, or the backend failed.
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
        logits: NDArray[np.float32] = np.asarray(self._network.run(batch)[0], np.float32)
        return logits

    def close(self) -> None:
        """Frees the model."""
        self._network.close()


def open_network(path: Path, provider: str = "cpu", threads: int = 1) -> Network:
    """Opens a model file by its suffix.

    Args:
        path: `.onnx` file.
        provider: `cpu` or `cuda`.
        threads: Threads inside one run. One is best where stages run side by
            side (measured: two made detection twice as slow on two cores).

    Raises:
        EngineError: The file is missing, broken, of another kind, or can't be
            run as asked.
    """
    if provider not in PROVIDERS:
        raise EngineError(f"--provider must be one of {', '.join(PROVIDERS)}, not {provider!r}")
    if not 1 <= threads <= 256:
        raise EngineError(f"--threads must be 1 to 256, not {threads}")
    if path.suffix in (".safetensors", ".ckpt", ".pt", ".pth"):
        raise EngineError(
            f"{path} is a checkpoint: export it first with "
            f"`python -m export --checkpoint {path} --output_dir models`"
        )
    if path.suffix in (".plan", ".engine"):
        raise EngineError(f"{path}: this version can't run TensorRT plans yet; use the .onnx")
    if path.suffix != ".onnx":
        raise EngineError(f"{path}: an engine must be an .onnx file")
    if not path.is_file():
        raise EngineError(f"{path}: no such file")
    if path.stat().st_size == 0:
        raise EngineError(f"{path}: the file is empty; export it again")
    from runtime.engines.ort import OrtNetwork

    return OrtNetwork(path, provider, threads)


def open_engine(
    path: str | Path = "default", provider: str = "cpu", threads: int = 1
) -> EmotionEngine:
    """Opens an emotion model.

    Args:
        path: `.onnx` file, or `default` for the shipped model.
        provider: As `open_network`.
        threads: As `open_network`.

    Raises:
        EngineError: As `open_network`.
        ManifestError: The model has no manifest, or contradicts it.
    """
    file = DEFAULT_ENGINE if str(path) == "default" else Path(path)
    network = open_network(file, provider, threads)
    sidecar = Manifest.load_sidecar(file)
    embedded = network.metadata.get(METADATA_KEY)
    if embedded is None:
        raise ManifestError(
            f"{file}: the model has no manifest, so its labels and input are unknown; "
            "make it with `python -m export`"
        )
    manifest = Manifest.from_json(embedded, str(file))
    if sidecar is not None and not sidecar.agrees_with(manifest):
        raise ManifestError(f"{file}: the manifest beside it contradicts the one inside it")
    return EmotionEngine(network, manifest)


def _shown(shape: Sequence[int | None]) -> str:
    return "(" + ", ".join("N" if side is None else str(side) for side in shape) + ")"

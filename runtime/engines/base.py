"""The seam between the pipeline and whatever runs a model.

A `Network` is a backend's view of a file: tensors in, tensors out. An
`EmotionEngine` adds the manifest and the checks that all backends share.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from mmap import mmap
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from runtime.engines.model_file import read_onnx
from runtime.engines.plan import PlanError, rebuild_plan
from runtime.errors import EngineError, ManifestError
from runtime.manifest import METADATA_KEY, Manifest
from runtime.providers import PROVIDERS as PROVIDERS

_MODELS = Path(__file__).resolve().parents[1] / "models"

#: The models that come with the runtime, by the names that stand for their paths.
SHIPPED = {
    "main": _MODELS / "emotion.onnx",
    "fast": _MODELS / "emotion.int8_cpu.onnx",
}

#: Stands for the one of them that suits where it runs.
DEFAULT = "default"

#: Suffixes of TensorRT plans.
_PLANS = (".plan", ".engine")

log = logging.getLogger("runtime")


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


def open_network(path: Path, provider: str = "cpu", threads: int = 1) -> Network:
    """Opens a model file by its suffix.

    Args:
        path: `.onnx`, `.plan` or `.engine` file.
        provider: Where an `.onnx` runs, one of `PROVIDERS`; a plan runs on the
            GPU it was built for.
        threads: Threads inside one run. One is best where stages run side by
            side (measured: two made detection twice as slow on two cores).

    Raises:
        PlanError: A plan doesn't suit this machine; building it again mends that.
        EngineError: The file is missing, broken, of another kind, or can't be
            run as asked.
    """
    return _open(path, provider, threads)[0]


def _open(path: Path, provider: str, threads: int) -> tuple[Network, mmap | None]:
    """As `open_network`, with the bytes of an .onnx that were loaded."""
    if provider not in PROVIDERS:
        raise EngineError(f"--provider must be one of {', '.join(PROVIDERS)}, not {provider!r}")
    if not 1 <= threads <= 256:
        raise EngineError(f"--threads must be 1 to 256, not {threads}")
    if path.suffix in (".safetensors", ".ckpt", ".pt", ".pth"):
        raise EngineError(
            f"{path} is a checkpoint: export it first with "
            f"`python -m export --checkpoint {path} --output_dir models`"
        )
    if path.suffix not in (".onnx", *_PLANS):
        raise EngineError(f"{path}: an engine must be an .onnx or a .plan file")
    is_plan = path.suffix in _PLANS
    if is_plan and provider == "openvino":
        raise EngineError(f"--provider openvino can't run {path}: name the .onnx")
    if is_plan:
        from runtime.engines.trt import TrtNetwork

        return TrtNetwork(path), None
    from runtime.engines.ort import OrtNetwork

    with read_onnx(path) as model:
        return OrtNetwork(path, model.path, provider, threads), model.content


def model_path(name: str | Path, provider: str = "cpu") -> Path:
    """The file that a model's name stands for.

    `default` is `fast` on the CPU, where INT8 takes about half the time at the same
    accuracy (docs/export.md), and `main` anywhere else.

    Args:
        name: A file, a name in `SHIPPED`, or `default`.
        provider: Where it is to run.
    """
    if name == DEFAULT:
        name = "fast" if provider == "cpu" else "main"
    return SHIPPED.get(str(name), Path(name))


def open_engine(
    path: str | Path = "default", provider: str = "cpu", threads: int = 1, rebuild: bool = False
) -> EmotionEngine:
    """Opens an emotion model.

    Args:
        path: What `model_path` takes: `.onnx`, plan, or a shipped model's name.
        provider: As `open_network`.
        threads: As `open_network`.
        rebuild: Build a plan that doesn't suit this machine again, from the
            ONNX file beside it, which may take minutes.

    Raises:
        EngineError: As `open_network`, building failed, or the model is for
            another backend.
        ManifestError: The model has no manifest, or contradicts it.
    """
    file = model_path(path, provider)
    try:
        network, content = _open(file, provider, threads)
    except PlanError as error:
        if not rebuild:
            raise
        log.info("%s", error)
        rebuild_plan(file)
        network, content = _open(file, provider, threads)
    try:
        manifest = _manifest_of(file, network, content)
        if file.suffix == ".onnx":
            _check_target(file, manifest, provider)
        return EmotionEngine(network, manifest)
    except BaseException:
        network.close()
        raise


def read_manifest(path: Path) -> Manifest:
    """The manifest of an `.onnx` file that may be meant for another backend.

    Raises:
        EngineError: The file is missing, or not a sound ONNX model.
        ManifestError: It has no manifest, or contradicts it.
    """
    network, content = _open(path, "cpu", 1)
    try:
        return EmotionEngine(network, _manifest_of(path, network, content)).manifest
    finally:
        network.close()


def _check_target(file: Path, manifest: Manifest, provider: str) -> None:
    """Refuses what ONNX Runtime computes wrongly.

    Its CPU kernel for FP16 truncates where ONNX rounds (measured with 1.28; its
    issue 22741), and the shipped model's INT8 for TensorRT named another
    emotion for a third of the faces. Its other providers were not tried.
    """
    if manifest.quantization.get("target") == "tensorrt" and provider != "tensorrt":
        raise EngineError(
            f"{file}: this INT8 is for TensorRT, and ONNX Runtime gives other labels with it; "
            "build a plan from it with `python -m export.to_plan`, or use the file that ends in "
            "int8_cpu.onnx"
        )


def _manifest_of(file: Path, network: Network, content: mmap | None) -> Manifest:
    """The manifest inside a model, which the one beside an .onnx must not contradict."""
    # A plan's manifest is the one beside it, which its network has checked.
    sidecar = None if content is None else Manifest.load_sidecar(file, content)
    embedded = network.metadata.get(METADATA_KEY)
    if embedded is None:
        raise ManifestError(
            f"{file}: the model has no manifest, so its labels and input are unknown; "
            "make it with `python -m export`"
        )
    manifest = Manifest.from_json(embedded, str(file))
    if sidecar is not None and not sidecar.agrees_with(manifest):
        raise ManifestError(f"{file}: the manifest beside it contradicts the one inside it")
    return manifest


def _shown(shape: Sequence[int | None]) -> str:
    return "(" + ", ".join("N" if side is None else str(side) for side in shape) + ")"
